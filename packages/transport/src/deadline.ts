import type { Clock } from "./clock.ts"
import { TransportError } from "./errors.ts"

/** Limits of an asynchronous step. */
export interface Deadline {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** What was too slow, for the sentence. */
  readonly what: string
}

/**
 * Runs a step. When its time is up, or its signal is aborted, `stop` ends whatever the step waits for, and the caller gets
 * `TransportError TIMEOUT` or the signal's reason in place of the error that the step then meets.
 */
export async function withDeadline<T>(
  { clock, timeoutMs, signal, what }: Deadline,
  stop: () => void,
  step: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  let cause: { readonly error: unknown } | undefined
  const end = (error: unknown): void => {
    cause ??= { error }
    stop()
  }
  const onAbort = (): void => {
    end(signal?.reason)
  }
  signal?.addEventListener("abort", onAbort, { once: true })
  const timer = clock.setTimer(timeoutMs, () => {
    end(new TransportError("TIMEOUT", `${what} took longer than ${timeoutMs / 1000} seconds`))
  })
  try {
    const result = await step()
    if (cause !== undefined) throw cause.error
    return result
  } catch (error) {
    throw cause === undefined ? error : cause.error
  } finally {
    timer[Symbol.dispose]()
    signal?.removeEventListener("abort", onAbort)
  }
}
