import { concatBytes } from "@smpkit/codec"
import { memoryRawStore, StoreError } from "../../src/index.ts"
import { describe, expect, it } from "vitest"
import { connect, openStore, seededRandom, settle, twoPeople, utf8 } from "./world.ts"
import type { Agent, AgentEvent } from "../../src/index.ts"

const acknowledge = async (event: AgentEvent, agent: Agent): Promise<void> => {
  if (event.type === "message") await agent.acknowledgeMessage({ ...event, receipt: true })
}

const texts = (name: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${name} ${i}`)

describe("messages", () => {
  it("arrive in order both ways, also through full queues", async () => {
    const { alice, bob, clock } = await twoPeople("order", { quota: 8, onEvent: acknowledge })
    const ids = await connect(alice, bob)
    const [a, b] = [texts("a", 60), texts("b", 60)]
    await Promise.all([
      ...a.map((text) => alice.agent.sendMessage({ connectionId: ids.alice, text })),
      ...b.map((text) => bob.agent.sendMessage({ connectionId: ids.bob, text })),
    ])
    for (let i = 0; i < 60 && (alice.of("sent").length < 60 || bob.of("sent").length < 60); i++)
      await clock.advance(100)
    await clock.advance(20_000)
    expect(bob.texts()).toEqual(a)
    expect(alice.texts()).toEqual(b)
    for (const person of [alice, bob]) {
      expect(person.of("message").every(({ integrity }) => integrity.type === "ok")).toBe(true)
      expect(new Set(person.of("delivered").map((e) => e.messageId)).size).toBe(60)
      expect(person.of("delivered").every((e) => e.hashOk)).toBe(true)
      expect(person.of("error")).toEqual([])
    }
    await alice.close()
    await bob.close()
  })

  it("go on after both servers were lost again and again", async () => {
    const { alice, bob, one, two, clock } = await twoPeople("drops", { onEvent: acknowledge })
    const ids = await connect(alice, bob)
    const [a, b] = [texts("a", 40), texts("b", 40)]
    let count = 0
    for (const server of [one, two]) {
      server.intercept = ({ type }) => {
        if (type !== "SEND" && type !== "ACK") return undefined
        count++
        if (count % 11 === 0) return "lose-answer"
        return count % 17 === 0 ? "drop" : undefined
      }
    }
    for (const [i, text] of a.entries()) {
      await alice.agent.sendMessage({ connectionId: ids.alice, text })
      await bob.agent.sendMessage({ connectionId: ids.bob, text: b[i] ?? "" })
    }
    for (let i = 0; i < 300 && (alice.texts().length < 40 || bob.texts().length < 40); i++)
      await clock.advance(1000)
    expect(bob.texts()).toEqual(a)
    expect(alice.texts()).toEqual(b)
    expect(bob.of("message").every(({ integrity }) => integrity.type === "ok")).toBe(true)
    expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
    expect(bob.of("serverDown").length).toBeGreaterThan(0)
    expect(bob.of("serverUp").length).toBeGreaterThanOrEqual(bob.of("serverDown").length)
    await alice.close()
    await bob.close()
  })

  it("come again after a restart until they are acknowledged, then never", async () => {
    const { alice, bob } = await twoPeople("redelivered")
    const ids = await connect(alice, bob)
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "one" })
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "two" })
    const [first, second] = [await bob.next("message"), await bob.next("message", 1)]
    expect([first, second].map(({ redelivered }) => redelivered)).toEqual([false, false])
    await bob.restart()
    const again = await bob.next("message", 2)
    expect(again).toEqual({ ...first, redelivered: true })
    expect(await bob.next("message", 3)).toEqual({ ...second, redelivered: true })
    await settle(50)
    expect(bob.texts()).toEqual(["one", "two", "one", "two"])
    await bob.agent.acknowledgeMessage({ connectionId: ids.bob, messageId: again.messageId })
    await expect(
      bob.agent.acknowledgeMessage({ connectionId: ids.bob, messageId: again.messageId }),
    ).rejects.toMatchObject({
      code: "NOT_FOUND",
    })
    await bob.restart()
    expect(await bob.next("message", 4)).toEqual({ ...second, redelivered: true })
    await settle(50)
    expect(bob.texts()).toHaveLength(5)
    await alice.close()
    await bob.close()
  })

  it("are acknowledged to the server when they are stored, sixteen ahead of the application and not more (Q26)", async () => {
    const { alice, bob, two, clock } = await twoPeople("ahead")
    const ids = await connect(alice, bob)
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    const sent = texts("m", 40)
    for (const text of sent) await alice.agent.sendMessage({ connectionId: ids.alice, text })
    await clock.advance(1000)
    const onServer = (): number => queue.messages.length
    expect([bob.texts().length, onServer()]).toEqual([16, 25])
    // A dropped connection delivers the one that is not acknowledged again, and it is not shown again.
    two.drop()
    await clock.advance(10_000)
    expect([bob.texts().length, onServer()]).toEqual([16, 25])
    const acknowledge = async (at: number): Promise<void> => {
      const { messageId } = await bob.next("message", at)
      await bob.agent.acknowledgeMessage({ connectionId: ids.bob, messageId })
      await clock.advance(0)
    }
    await acknowledge(3)
    expect([bob.texts().length, onServer()]).toEqual([17, 24])
    await acknowledge(0)
    expect([bob.texts().length, onServer()]).toEqual([18, 23])
    // Sixteen wait, so nothing new comes at a restart either, and the two that were acknowledged do not come again.
    await bob.restart()
    await clock.advance(1000)
    expect(bob.texts().slice(18)).toEqual(sent.filter((_, i) => i < 18 && i !== 0 && i !== 3))
    expect(
      bob
        .of("message")
        .slice(18)
        .every(({ redelivered }) => redelivered),
    ).toBe(true)
    expect(onServer()).toBe(23)
    for (let i = 18; i < 18 + 38; i++) await acknowledge(i)
    expect(onServer()).toBe(0)
    expect(bob.texts().slice(18)).toEqual(sent.filter((_, i) => i !== 0 && i !== 3))
    expect(bob.of("message").every(({ integrity }) => integrity.type === "ok")).toBe(true)
    await alice.close()
    await bob.close()
  })

  it("are refused when they are too long, and taken at the limit", async () => {
    const { alice, bob } = await twoPeople("long")
    const ids = await connect(alice, bob)
    await expect(
      alice.agent.sendMessage({ connectionId: ids.alice, body: new Uint8Array(13_574) }),
    ).rejects.toMatchObject({ code: "LARGE" })
    await alice.agent.sendMessage({ connectionId: ids.alice, body: new Uint8Array(13_573).fill(7) })
    expect((await bob.next("message")).body).toEqual(new Uint8Array(13_573).fill(7))
    await alice.close()
    await bob.close()
  })

  it("wait on the server while a connection is not wanted", async () => {
    const { alice, bob } = await twoPeople("unsubscribed")
    const ids = await connect(alice, bob)
    await bob.agent.unsubscribe({ connectionIds: [ids.bob] })
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "later" })
    await settle(50)
    expect(bob.texts()).toEqual([])
    await bob.agent.subscribe()
    expect((await bob.next("message")).body).toEqual(utf8("later"))
    await alice.close()
    await bob.close()
  })

  it("fail with the reason when the other side has deleted its queue, or when nothing can be delivered for two days", async () => {
    const { alice, bob, two, clock } = await twoPeople("failed")
    const ids = await connect(alice, bob)
    two.down = true
    two.drop()
    const late = await alice.agent.sendMessage({ connectionId: ids.alice, text: "late" })
    await clock.advance(49 * 3600_000)
    expect(alice.of("failed")[0]).toMatchObject({ messageId: late.messageId, code: "EXPIRED" })
    two.down = false
    await clock.advance(200_000)
    await bob.agent.deleteConnection({ connectionId: ids.bob })
    expect((await bob.next("closed")).code).toBe("DELETED")
    await clock.advance(5000)
    const lost = await alice.agent.sendMessage({ connectionId: ids.alice, text: "lost" })
    await clock.advance(200_000)
    expect(alice.of("failed")[1]).toMatchObject({ messageId: lost.messageId, code: "AUTH" })
    expect(alice.of("failed")[1]?.server).toContain("two.example")
    await alice.close()
    await bob.close()
  })

  it("are delivered before a connection is deleted that waits for them", async () => {
    const { alice, bob, two, clock } = await twoPeople("leaving", { onEvent: acknowledge })
    const ids = await connect(alice, bob)
    two.down = true
    two.drop()
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "last words" })
    await alice.agent.deleteConnection({ connectionId: ids.alice, waitForDelivery: true })
    await clock.advance(1000)
    expect(alice.of("closed")).toEqual([])
    two.down = false
    await clock.advance(300_000)
    expect(bob.texts()).toEqual(["last words"])
    expect(alice.of("closed")[0]?.code).toBe("DELETED")
    expect((await alice.agent.listConnections()).connections).toEqual([])
    await alice.close()
    await bob.close()
  })
})

describe("receipts (Q7)", () => {
  it("are not sent unless asked for, late, in one envelope, and not for old messages", async () => {
    const { alice, bob, one, clock } = await twoPeople("receipts")
    const ids = await connect(alice, bob)
    const sends = (): number => one.log.filter((c) => c === "SEND").length
    const before = sends()
    for (const text of texts("m", 4)) await alice.agent.sendMessage({ connectionId: ids.alice, text })
    const ack = async (n: number, receipt?: boolean): Promise<void> => {
      const { messageId } = await bob.next("message", n)
      await bob.agent.acknowledgeMessage({
        connectionId: ids.bob,
        messageId,
        ...(receipt === undefined ? {} : { receipt }),
      })
    }
    await ack(0)
    await clock.advance(60_000)
    expect(sends()).toBe(before)
    await ack(1, true)
    await ack(2, true)
    expect(sends()).toBe(before)
    await clock.advance(5000)
    expect(sends()).toBe(before + 1)
    expect(alice.of("delivered").map((e) => e.hashOk)).toEqual([true, true])
    await bob.next("message", 3)
    await clock.advance(8 * 24 * 3600_000)
    await ack(3, true)
    await clock.advance(60_000)
    expect(sends()).toBe(before + 1)
    await alice.close()
    await bob.close()
  })
})

describe("bad messages never block a queue", () => {
  it("that were delivered before are swallowed, also weeks later (Q3)", async () => {
    const { alice, bob, two, clock } = await twoPeople("replay", { onEvent: acknowledge })
    const ids = await connect(alice, bob)
    const bodies: Uint8Array<ArrayBuffer>[] = []
    two.intercept = (command) => {
      if (command.type === "SEND") bodies.push(command.body)
      return undefined
    }
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "one" })
    await bob.next("message")
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "answer" })
    await alice.next("message")
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "two" })
    await bob.next("message", 1)
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    const replay = async (): Promise<void> => {
      for (const body of [...bodies]) two.inject(queue, body)
      await clock.advance(30_000)
    }
    await replay()
    await clock.advance(30 * 24 * 3600_000)
    await bob.restart()
    await replay()
    expect(bob.texts()).toEqual(["one", "two"])
    expect(bob.of("error")).toEqual([])
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "three" })
    expect(await bob.next("message", 2)).toMatchObject({ body: utf8("three"), integrity: { type: "ok" } })
    await alice.close()
    await bob.close()
  })

  it("that are damaged are reported, and what follows is delivered", async () => {
    const { alice, bob, two, clock } = await twoPeople("damaged", { onEvent: acknowledge })
    const ids = await connect(alice, bob)
    let damage: (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (body) => body
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    two.intercept = (command) => {
      if (command.type !== "SEND") return undefined
      two.inject(queue, damage(command.body))
      return { type: "OK" }
    }
    const damages: (typeof damage)[] = [
      () => utf8("nothing that parses"),
      (body) => concatBytes(body.subarray(0, 100), Uint8Array.of(0xff), body.subarray(101)),
      (body) => concatBytes(Uint8Array.of(0, 9), body.subarray(2)),
      () => new Uint8Array(0),
    ]
    for (const [i, one] of damages.entries()) {
      damage = one
      await alice.agent.sendMessage({ connectionId: ids.alice, text: `lost ${i}` })
      await settle(20)
    }
    damage = (body) => body
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "good" })
    expect(await bob.next("message")).toMatchObject({
      body: utf8("good"),
      integrity: { type: "skipped", from: 2, to: 5 },
    })
    expect(bob.of("error").map(({ code }) => code)).toEqual([
      "A_MESSAGE",
      "A_CRYPTO",
      "A_VERSION",
      "A_MESSAGE",
    ])
    expect((await bob.agent.connectionState({ connectionId: ids.bob })).ratchet).toBe("ok")
    await clock.advance(10_000)
    await alice.close()
    await bob.close()
  })
})

describe("a store that came back from a copy (Q2)", () => {
  it("does not send where the code was compared, and still receives", async () => {
    const { alice, bob } = await twoPeople("restored")
    const ids = await connect(alice, bob)
    await bob.agent.setVerified({ connectionId: ids.bob, verified: true })
    await bob.close()
    const store = await openStore(bob.raw, seededRandom("copy"))
    await store.markRestored()
    await store.close()
    await bob.restart()
    await expect(bob.agent.sendMessage({ connectionId: ids.bob, text: "forked" })).rejects.toMatchObject({
      code: "SEND_LOCKED",
    })
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "hello" })
    expect((await bob.next("message")).body).toEqual(utf8("hello"))
    await bob.restart()
    await expect(bob.agent.sendMessage({ connectionId: ids.bob, text: "forked" })).rejects.toMatchObject({
      code: "SEND_LOCKED",
    })
    await alice.close()
    await bob.close()
  })
})

describe("a store that refuses", () => {
  it("stops the agent, whose application hears why", async () => {
    const raw = memoryRawStore()
    let full = false
    const { alice } = await twoPeople("full disk")
    const person = await alice.another("dave", {
      ...raw,
      get: (key) => raw.get(key),
      scan: (prefix) => raw.scan(prefix),
      commit: (changes, expected) =>
        full
          ? Promise.reject(new StoreError("STORE_FAILED", "no space left"))
          : raw.commit(changes, expected),
      [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
    })
    full = true
    await expect(person.agent.createConnection({ mode: "invitation" })).rejects.toMatchObject({
      code: "STORE",
    })
    await expect(person.close()).rejects.toMatchObject({ code: "STORE" })
    await alice.close()
  })
})
