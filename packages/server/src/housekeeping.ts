import type { Connections } from "./connections.ts"
import type { ServerCore } from "./core.ts"
import { expiryRound } from "./expiry.ts"
import { type Logger, loggable } from "./log.ts"
import { dayOf } from "./queue.ts"
import type { SpaceGuard } from "./space-guard.ts"

const expiryMs = 2 * 3_600_000
const idleCheckMs = 3_600_000
const spaceCheckMs = 5_000

export interface HousekeepingOptions {
  readonly core: ServerCore
  readonly connections: Connections
  readonly space: SpaceGuard
  readonly idleHours: number
  /** Days after which a queue that nobody secured goes; 0 never. */
  readonly unsecuredDays: number
  readonly logger: Logger
}

/** What a server does from time to time: old messages, idle connections, room on the disk. */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  readonly #timers = new Map<string, Disposable>()
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  constructor(options: HousekeepingOptions) {
    this.#options = options
    const { core, connections, space, idleHours, unsecuredDays, logger } = options
    const { messageTtl, clock, store, subscribers } = core
    if (messageTtl !== undefined || unsecuredDays > 0) {
      this.#every("expiry", expiryMs, async () => {
        const today = dayOf(clock.now())
        const rules = {
          messagesBefore: messageTtl === undefined ? undefined : Math.floor(clock.now() / 1000) - messageTtl,
          abandoned:
            unsecuredDays === 0
              ? undefined
              : { before: today - unsecuredDays, today, isSubscribed: subscribers.has.bind(subscribers) },
        }
        const { messages, queues } = await expiryRound(store, rules, () => this.#stopped)
        if (messages > 0) logger.info({ count: messages }, "old messages were dropped")
        if (queues > 0) logger.info({ count: queues }, "queues that were never secured were removed")
      })
    }
    if (idleHours > 0) {
      this.#every("idle", idleCheckMs, () => {
        connections.closeIdle(idleHours * 3_600_000)
        return Promise.resolve()
      })
    }
    this.#every("space", spaceCheckMs, async () => {
      const before = space.full
      await space.measure()
      if (space.full !== before)
        logger.warn(
          space.full ? "the store is full: new queues and messages are refused" : "the store has room again",
        )
    })
  }

  /** Ends after what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer[Symbol.dispose]()
    await Promise.all(this.#running)
  }

  #every(name: string, ms: number, work: () => Promise<void>): void {
    const { core, logger } = this.#options
    const next = (): void => {
      if (this.#stopped) return
      this.#timers.set(
        name,
        core.clock.setTimer(ms, () => {
          const running = work()
            .catch((error: unknown) => {
              logger.error(loggable(error), `${name} failed`)
            })
            .finally(() => {
              this.#running.delete(running)
              next()
            })
          this.#running.add(running)
        }),
      )
    }
    next()
  }
}
