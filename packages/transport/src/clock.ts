/** Time, as an argument: nothing outside the edges reads the platform's clock. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number
  /** Calls `f` once after `ms` milliseconds, unless the timer is disposed of before. */
  setTimer(ms: number, f: () => void): Disposable
}

// Longer waits overflow the platform's timer, which then fires at once.
const longestTimerMs = 2 ** 31 - 1

/** The platform's clock. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer: (ms, f) => {
    const timer: unknown = setTimeout(f, Math.min(ms, longestTimerMs))
    // A browser's timer is a number; Node's is an object that can be told not to hold the process.
    if (typeof timer === "object" && timer !== null && "unref" in timer) (timer as { unref(): void }).unref()
    return {
      [Symbol.dispose]: () => {
        clearTimeout(timer as number)
      },
    }
  },
}
