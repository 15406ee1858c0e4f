import type { Limits } from "./limits.ts"
import type { QueueStore } from "./store/store.ts"

/** Whether a store may grow: measured from time to time, and counted closely enough between (security.md Q21). */
export class SpaceGuard {
  readonly #store: QueueStore
  readonly #limits: Pick<Limits, "storeBytes" | "freeDiskBytes">
  #full = false

  constructor(store: QueueStore, limits: Pick<Limits, "storeBytes" | "freeDiskBytes">) {
    this.#store = store
    this.#limits = limits
  }

  get full(): boolean {
    return this.#full
  }

  async measure(): Promise<void> {
    const { used, free } = await this.#store.space()
    const { storeBytes, freeDiskBytes } = this.#limits
    this.#full =
      (storeBytes !== undefined && used >= storeBytes) || (free !== undefined && free < freeDiskBytes)
  }
}
