/** What is needed of a database. */
export interface FlushedDatabase {
  transaction<T>(f: () => T): Promise<T>
  readonly flushed: PromiseLike<unknown>
}

/**
 * Runs `f` as one transaction and resolves when it is on disk. A transaction's own promise resolves when the commit can be read, which is
 * earlier; and `flushed` speaks of the last commit only while no other was begun, so that one caller at a time may be here.
 */
export async function durably<T>(database: FlushedDatabase, f: () => T): Promise<T> {
  const result = await database.transaction(f)
  await database.flushed
  return result
}

interface Operation {
  /** Runs inside the transaction; what it throws fails this operation alone, so it throws before it has written. */
  readonly run: () => () => void
  readonly fail: (error: unknown) => void
}

/**
 * One transaction and one flush for all operations that came while the last one was under way. Operations run, and their promises settle, in
 * the order of the calls.
 */
export class GroupCommit {
  readonly #database: FlushedDatabase
  readonly #commit: typeof durably
  #waiting: Operation[] = []
  #working: Promise<void> | undefined

  constructor(database: FlushedDatabase, commit: typeof durably = durably) {
    this.#database = database
    this.#commit = commit
  }

  add<T>(run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        run: () => {
          const value = run()
          return () => {
            resolve(value)
          }
        },
        fail: reject,
      })
      this.#working ??= this.#work()
    })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  async #work(): Promise<void> {
    // What else comes in this turn of the event loop goes along.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const operations = this.#waiting
      this.#waiting = []
      const settle: (() => void)[] = []
      try {
        await this.#commit(this.#database, () => {
          for (const { run, fail } of operations) {
            try {
              settle.push(run())
            } catch (error) {
              settle.push(() => {
                fail(error)
              })
            }
          }
        })
        for (const done of settle) done()
      } catch (error) {
        for (const { fail } of operations) fail(error)
      }
    }
    this.#working = undefined
  }
}
