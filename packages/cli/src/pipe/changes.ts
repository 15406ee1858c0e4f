/** Lets one task wait until another one has changed something that they share. */
export class Changes {
  #waiting: (() => void)[] = []

  /** Wakes everyone who waits. */
  notify(): void {
    const woken = this.#waiting
    this.#waiting = []
    for (const wake of woken) wake()
  }

  /** Resolves once `condition` holds; it is looked at now and after each change. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
  }
}
