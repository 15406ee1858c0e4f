import type { PostQuantumSetting } from "@smpkit/agent"
import type { Bytes } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import { EveThief, queueSecretOf } from "../../src/eve-thief.ts"
import { settle } from "../../src/index.ts"
import { connect, until, type World, world } from "./person.ts"
import { errorsOf } from "./talking.ts"

interface Theft {
  readonly ids: { readonly alice: string; readonly bob: string }
  readonly eve: EveThief
  readonly bobsQueue: Bytes
  readonly alicesQueue: Bytes
  /** The security code before. */
  readonly code: string
}

/**
 * Alice and Bob are connected and have talked. Eve controls both servers, and has stolen the private key of Bob's queue; `both`: that of Alice's queue as well. She has
 * no key of a ratchet.
 */
async function theft(
  w: World,
  { both = false, setting = "on" }: { readonly both?: boolean; readonly setting?: PostQuantumSetting } = {},
): Promise<Theft> {
  const ids = await connect(w.alice, w.bob, { alice: "alice", bob: "bob" }, setting)
  await w.bob.agent.sendMessage({ connectionId: ids.bob, text: "before" })
  await w.alice.read(1)
  await w.alice.agent.sendMessage({ connectionId: ids.alice, text: "before" })
  await w.bob.read(1)
  const [bobsQueue] = await w.two.senderIds()
  const [alicesQueue] = await w.one.senderIds()
  const [toBob] = w.two.bodies(bobsQueue)
  const [toAlice] = w.one.bodies(alicesQueue)
  if (!bobsQueue || !alicesQueue || !toBob || !toAlice) throw new Error("nobody talked")
  const to = queueSecretOf(w.bobsDraws, toBob)
  const from = both ? { from: queueSecretOf(w.alicesDraws, toAlice) } : {}
  const eve = new EveThief({ to, ...from, random: w.random })
  const code = await w.bob.code(ids.bob)
  expect(await w.alice.code(ids.alice)).toBe(code)
  return { ids, eve, bobsQueue, alicesQueue, code }
}

/** Bob has Eve's keys: he has acknowledged them to his server. */
async function forge(w: World, { eve, bobsQueue }: Theft): Promise<void> {
  const before = w.two.of("ACK").length
  await w.two.inject(bobsQueue, eve.forgedKeys())
  await until("Bob has taken the keys", () => w.two.of("ACK").length > before)
  await settle(20)
}

const states = ({ bob }: World): string[] => bob.of("ratchetSync").map(({ state }) => state)

describe("security.md Q1: Eve has stolen the static key of a queue and controls its server, and forges a re-synchronisation", () => {
  test("what she can do: with the keys of both queues she takes Alice's place, and reads what Bob writes", async () => {
    await using w = await world("she can")
    const stolen = await theft(w, { both: true })
    const { eve, ids, alicesQueue, bobsQueue } = stolen
    // From now on nothing reaches Alice.
    w.one.intercept = ({ command }) => (command.type === "SEND" ? { type: "OK" } : undefined)
    const before = w.one.bodies(alicesQueue).length
    await forge(w, stolen)
    const [keys, ...more] = w.one.bodies(alicesQueue).slice(before)
    if (keys === undefined) throw new Error("Bob has not answered")
    expect(eve.read(keys)).toBe("keys")
    const { sendsFirst } = eve
    for (const body of more) expect(eve.read(body)).toMatchObject({ message: { type: "EREADY" } })
    if (sendsFirst) {
      await w.two.inject(bobsQueue, eve.message(9, { type: "EREADY", lastDecrypted: 1 }))
      await until("Bob is ready", () => w.one.bodies(alicesQueue).length > before + 1)
      eve.read(w.one.bodies(alicesQueue)[before + 1] ?? new Uint8Array(0))
    }
    const count = w.one.bodies(alicesQueue).length
    await w.bob.agent.sendMessage({ connectionId: ids.bob, text: "for Alice alone" })
    await until("Bob has written", () => w.one.bodies(alicesQueue).length > count)
    const read = eve.read(w.one.bodies(alicesQueue).at(-1) ?? new Uint8Array(0))
    expect(read).toMatchObject({ message: { body: new TextEncoder().encode("for Alice alone") } })
    // That is why it must not be silent.
    expect(w.bob.of("ratchetSync")[0]).toMatchObject({
      state: "agreed",
      oldCode: stolen.code,
      newCode: eve.securityCode,
    })
  })

  test("Q1: never silent: Bob is told both codes, and that his differs from Alice's, whoever compares", async () => {
    await using w = await world("told")
    const stolen = await theft(w)
    await forge(w, stolen)
    const code = await w.bob.code(stolen.ids.bob)
    expect(code).not.toBe(stolen.code)
    // Bob's answer reaches Alice, who is told as well: her new code is another one again.
    expect(await w.alice.next("ratchetSync")).toMatchObject({ state: "agreed", oldCode: stolen.code })
    expect(await w.alice.code(stolen.ids.alice)).not.toBe(code)
    expect(w.bob.of("ratchetSync")[0]).toEqual({
      type: "ratchetSync",
      connectionId: stolen.ids.bob,
      state: "agreed",
      oldCode: stolen.code,
      newCode: code,
    })
    expect((await w.bob.agent.connectionState({ connectionId: stolen.ids.bob })).verified).toBe(false)
    // Her keys bring no KEM secret, and that is told as well.
    expect(w.bob.of("postQuantumChanged").at(-1)).toMatchObject({ sending: false, receiving: false })
  })

  const guards: { readonly verified?: boolean; readonly setting?: PostQuantumSetting }[] = [
    { verified: true },
    { setting: "required" },
  ]
  test.each(guards)(
    "Q1: a connection with %o answers nothing before synchronizeRatchet, and goes on with Alice",
    async ({ verified = false, setting = "on" }) => {
      await using w = await world(`guarded ${setting}`)
      const stolen = await theft(w, { setting })
      const { ids, code, alicesQueue } = stolen
      if (verified) await w.bob.agent.setVerified({ connectionId: ids.bob, verified })
      const before = w.one.bodies(alicesQueue).length
      await forge(w, stolen)
      await w.clock.advance(60_000)
      expect(w.one.bodies(alicesQueue)).toHaveLength(before)
      expect(errorsOf(w.bob)).toEqual(["A_CRYPTO"])
      expect(states(w)).toEqual(["allowed"])
      expect(await w.bob.code(ids.bob)).toBe(code)
      expect((await w.bob.agent.connectionState({ connectionId: ids.bob })).verified).toBe(verified)
      // The old ratchet still serves, both ways.
      await w.alice.agent.sendMessage({ connectionId: ids.alice, text: "still here" })
      expect((await w.bob.read(2)).at(-1)).toEqual({ text: "still here", integrity: { type: "ok" } })
      await w.bob.agent.sendMessage({ connectionId: ids.bob, text: "so am I" })
      expect((await w.alice.read(2)).at(-1)).toEqual({ text: "so am I", integrity: { type: "ok" } })
      expect(await w.alice.code(ids.alice)).toBe(code)
      // She repeats them, and nothing more is said.
      await forge(w, stolen)
      expect(errorsOf(w.bob)).toEqual(["A_CRYPTO"])
      const answers = w.one.bodies(alicesQueue).length

      await w.bob.agent.synchronizeRatchet({ connectionId: ids.bob })
      await until("Bob has answered", () => w.one.bodies(alicesQueue).length > answers)
      const event = w.bob.of("ratchetSync").find(({ state }) => state === "agreed")
      expect(event).toMatchObject({ oldCode: code, newCode: await w.bob.code(ids.bob) })
      expect(event?.newCode).not.toBe(code)
      expect((await w.bob.agent.connectionState({ connectionId: ids.bob })).verified).toBe(false)
    },
  )

  test("Q1: where post-quantum encryption is required, even the agreed ratchet of hers gets no message", async () => {
    await using w = await world("held")
    const stolen = await theft(w, { both: true, setting: "required" })
    const { ids, alicesQueue, eve } = stolen
    await forge(w, stolen)
    await w.bob.agent.synchronizeRatchet({ connectionId: ids.bob })
    await w.bob.agent.sendMessage({ connectionId: ids.bob, text: "for Alice alone" })
    await settle(50)
    expect((await w.bob.agent.connectionState({ connectionId: ids.bob })).unsent).toBe(1)
    const [keys, ...more] = w.one.bodies(alicesQueue).slice(2)
    expect(eve.read(keys ?? new Uint8Array(0))).toBe("keys")
    for (const body of more) expect(eve.read(body)).toMatchObject({ message: { type: "EREADY" } })
  })

  test("Q1: without the key her new keys are an error, and nothing else", async () => {
    await using w = await world("without")
    const { ids, bobsQueue, code } = await theft(w)
    const eve = new EveThief({ to: w.random.bytes(32), random: w.random })
    await w.two.inject(bobsQueue, eve.forgedKeys())
    expect((await w.bob.next("error")).code).toBe("A_CRYPTO")
    expect(states(w)).toEqual([])
    expect(await w.bob.code(ids.bob)).toBe(code)
  })
})
