import type { Writable } from "node:stream"
import { CommandError } from "./failure.ts"

/** Writes to a stream at the pace of its reader. One for each stream; `signal` ends a wait for a reader that does not read. */
export class Output {
  readonly #stream: Writable
  readonly #signal: AbortSignal
  #broken: Error | undefined

  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
    stream.on("error", (error) => {
      this.#broken ??= error
    })
  }

  /**
   * Writes and resolves when the system has taken the data, so that what is reported as written was written.
   * Rejects when the reader is gone or `signal` is aborted while it waits.
   */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        reject(new CommandError("FAILED", "stopped while the output was not being read"))
      }
      if (this.#broken !== undefined) {
        reject(this.#broken)
        return
      }
      if (this.#signal.aborted) {
        stop()
        return
      }
      this.#signal.addEventListener("abort", stop, { once: true })
      this.#stream.write(data, (error) => {
        this.#signal.removeEventListener("abort", stop)
        if (error instanceof Error) reject(error)
        else resolve()
      })
    })
  }
}
