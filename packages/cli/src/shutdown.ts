import { setMaxListeners } from "node:events"

/** Exit code after a second Ctrl-C, when the clean end takes too long for the user. */
const impatient = 130

/**
 * Runs `task` with a signal that SIGINT and SIGTERM abort; a second one ends the process at once.
 * The handlers are removed when the task has settled.
 */
export async function untilSignalled<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  // Every write that waits for its reader listens.
  setMaxListeners(0, controller.signal)
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(impatient)
    controller.abort()
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  try {
    return await task(controller.signal)
  } finally {
    process.off("SIGINT", onSignal)
    process.off("SIGTERM", onSignal)
  }
}

/** Resolves once `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else
      signal.addEventListener(
        "abort",
        () => {
          resolve()
        },
        { once: true },
      )
  })
}
