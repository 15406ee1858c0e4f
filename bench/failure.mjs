/** What ends a benchmark with one line on stderr. */
export class BenchError extends Error {
  name = "BenchError"

  /** @param {1 | 2} exitCode 2 for a wrong command line */
  constructor(message, exitCode = 1, options = undefined) {
    super(message, options)
    this.exitCode = exitCode
  }
}

export const usage = (message) => new BenchError(`${message}; --help shows what is possible`, 2)
