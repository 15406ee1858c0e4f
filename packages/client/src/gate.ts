/** Somebody who waits for a condition that others change. */
export class Gate {
  #wake: (() => void) | undefined

  /** Resolves at once when `passes` is true, else when it is after a `changed`. One waits at a time. */
  async until(passes: () => boolean): Promise<void> {
    while (!passes()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  changed(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
