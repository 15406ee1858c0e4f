/** What lies over the list of conversations: a conversation, and a dialog over it. */
export interface Layers {
  /** How many there are now. */
  readonly depth: () => number
  /** Closes the uppermost one. */
  readonly closeTop: () => void
}

/**
 * Gives each layer an entry of the browser's history, so that the back button, or a phone's gesture, closes one layer instead of leaving the page. Call `changed` whenever there may be
 * more or fewer: entries follow when the page has come to rest, since closing a dialog and opening a conversation is one step for whoever looks.
 */
export class BackButton {
  readonly #layers: Layers
  #planned = false
  /** Entries are being left; the browser tells when that is done. */
  #leaving = false

  constructor(layers: Layers) {
    this.#layers = layers
    addEventListener("popstate", () => {
      // An invitation in the address bar is another one's affair.
      if (location.hash !== "") return
      const asked = !this.#leaving
      this.#leaving = false
      if (asked) while (this.#layers.depth() > entries()) this.#layers.closeTop()
      this.changed()
    })
  }

  changed(): void {
    if (this.#planned) return
    this.#planned = true
    setTimeout(() => {
      this.#planned = false
      if (!this.#leaving) this.#follow()
    })
  }

  #follow(): void {
    const depth = this.#layers.depth()
    for (let layers = entries() + 1; layers <= depth; layers++) history.pushState({ layers }, "")
    if (depth >= entries()) return
    this.#leaving = true
    history.go(depth - entries())
  }
}

/** For how many layers the browser's history has entries, here. */
function entries(): number {
  const state: unknown = history.state
  if (typeof state !== "object" || state === null || !("layers" in state)) return 0
  return typeof state.layers === "number" ? state.layers : 0
}
