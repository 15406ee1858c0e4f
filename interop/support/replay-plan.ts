import type { StoreTx } from "@smpkit/agent"
import type { Bytes } from "@smpkit/codec"
import type { Arrived } from "./replay-server.ts"

export interface ReplayPlan {
  readonly agent: string
  /** The steps after `from`, up to and with `to`. */
  readonly from: number
  readonly to: number
  /** The recording begins with the subscriptions; otherwise the replay answers them first. */
  readonly subscribes?: boolean
  /** What the store holds besides the recorded connections. */
  readonly seed?: (tx: StoreTx) => void
  /** 32 bytes each for the keys of a queue that the agent makes, where the recording has them. */
  readonly queueKeys?: readonly (Bytes | undefined)[]
  /** Whose state at which step opens what we send, where the keys of the recorded agent are not known. */
  readonly reader?: { readonly conn: string; readonly at: number }
}

export interface ReplayedCommand {
  readonly step: string
  readonly ours: string
  readonly recorded: string
  /** How long the agent let the replay wait for it. */
  readonly waitedMs: number
}

/** What came of a replay, beside the recording. */
export interface Replayed {
  readonly events: readonly object[]
  readonly expectedEvents: readonly object[]
  /** Commands that both sent, with equal bytes or equal contents where keys and nonces are our own. */
  readonly commands: readonly ReplayedCommand[]
  /** Commands of ours that the recording does not have. */
  readonly extra: readonly string[]
  readonly blocks: readonly (readonly string[])[]
}

/** Kinds of commands by the blocks that they came in. */
export function blocksOf(log: readonly Arrived[]): readonly (readonly string[])[] {
  const blocks = new Map<number, string[]>()
  for (const { block, command } of log) blocks.set(block, [...(blocks.get(block) ?? []), command.type])
  return [...blocks.values()]
}
