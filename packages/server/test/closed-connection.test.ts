import { settle } from "@smpkit/testkit"
import { expect, test } from "vitest"
import { MemoryStore } from "../src/store/memory.ts"
import type { QueueRecord, QueueStep } from "../src/queue.ts"
import type { QueueKey } from "../src/store/store.ts"
import { Script } from "./support/script.ts"

/** A store whose commits wait until they are let through. */
class HeldStore extends MemoryStore {
  held: Promise<void> = Promise.resolve()

  override async create(record: QueueRecord): Promise<boolean> {
    await this.held
    return await super.create(record)
  }

  override async apply<R>(key: QueueKey, step: QueueStep<R>): Promise<R | undefined> {
    await this.held
    return await super.apply(key, step)
  }
}

test.each(["NEW messaging subscribe", "SUB"])(
  "%s whose connection closes during the commit leaves no subscriber",
  async (line) => {
    const store = new HeldStore()
    const script = new Script(18, { core: { store } })
    await script.run("B NEW messaging")
    let letThrough = (): void => undefined
    store.held = new Promise((resolve) => (letThrough = resolve))
    await script.run(`A ${line}`)
    await script.client("A").session.close()
    await settle(8)
    letThrough()
    await settle(8)
    expect(script.core.subscribers.size).toBe(0)
  },
)
