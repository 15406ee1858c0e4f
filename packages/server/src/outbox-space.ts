import type { Limits } from "./limits.ts"

// Two blocks: what everybody has, so that those who do not read take nothing from those who do.
const ownBytes = 1 << 15

/** Bytes that wait to be written in the whole process, against one bound for all connections (security.md Q21). */
export class OutboxSpace {
  readonly #limits: Pick<Limits, "outboxBytes" | "outboxTotalBytes">
  #total = 0

  constructor(limits: Pick<Limits, "outboxBytes" | "outboxTotalBytes">) {
    this.#limits = limits
  }

  /** Bytes that wait on all connections. */
  get total(): number {
    return this.#total
  }

  /** The part of one connection. */
  part(): OutboxPart {
    let bytes = 0
    return {
      get bytes() {
        return bytes
      },
      hasRoom: () => {
        const { outboxBytes, outboxTotalBytes } = this.#limits
        return (
          bytes < Math.min(ownBytes, outboxBytes) || (bytes < outboxBytes && this.#total < outboxTotalBytes)
        )
      },
      add: (more) => {
        bytes += more
        this.#total += more
      },
    }
  }
}

/** What waits on one connection. Below two blocks there is always room. */
export interface OutboxPart {
  readonly bytes: number
  /** Whether more may wait. */
  hasRoom(): boolean
  /** Counts so many more; fewer where it is negative. */
  add(bytes: number): void
}
