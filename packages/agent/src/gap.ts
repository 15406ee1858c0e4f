import { AgentError } from "./errors.ts"
import type { Integrity } from "./integrity.ts"

/**
 * What the application hears of a message that it is not shown, as a receipt, and that does not follow the one before it: only this tells of what is missing there.
 * `afterNewKeys`: it is the first over a new ratchet. The keys have a number of their own, which the receiver does not count
 * (agent-protocol.md, "Agent messages"), and a side that came back from a copy counts anew, which `ratchetSync` has told.
 */
export function gapBefore(
  integrity: Integrity,
  { afterNewKeys }: { readonly afterNewKeys: boolean },
): AgentError | undefined {
  switch (integrity.type) {
    case "ok":
      return undefined
    case "skipped": {
      const { from, to } = integrity
      if (afterNewKeys && from === to) return undefined
      return gap(`Messages ${String(from)} to ${String(to)} of the other side are missing, or come later.`)
    }
    case "badId":
      return afterNewKeys
        ? undefined
        : gap(`A message of the other side came late, after number ${String(integrity.previous)}.`)
    case "duplicate":
      return afterNewKeys ? undefined : gap("Two messages of the other side have the same number.")
    case "badHash":
      return afterNewKeys ? undefined : gap("A message of the other side does not follow the one before it.")
    default:
      return integrity satisfies never
  }
}

function gap(message: string): AgentError {
  return new AgentError("A_INTEGRITY", message)
}
