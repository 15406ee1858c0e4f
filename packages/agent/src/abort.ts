import { AgentError } from "./errors.ts"

/** Waits for work until the signal aborts; what was aborted before is not begun. Throws `AgentError ABORTED`, and what the work throws. */
export async function orAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return await work()
  if (signal.aborted) throw aborted(signal)
  let stop: () => void = () => undefined
  const end = new Promise<never>((_, reject) => {
    stop = () => {
      reject(aborted(signal))
    }
    signal.addEventListener("abort", stop)
  })
  const working = work()
  try {
    return await Promise.race([working, end])
  } finally {
    signal.removeEventListener("abort", stop)
    // What goes on alone must not end as an unhandled rejection.
    working.catch(() => undefined)
  }
}

function aborted(signal: AbortSignal): AgentError<"ABORTED"> {
  return new AgentError("ABORTED", "The call was given up.", { cause: signal.reason })
}
