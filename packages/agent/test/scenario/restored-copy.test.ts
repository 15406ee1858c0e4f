import { concatBytes, utf8 } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import { describe, expect, it } from "vitest"
import { memoryRawStore, type PostQuantumSetting, type RawStore } from "../../src/index.ts"
import { importStoreWith } from "../../src/store/import.ts"
import { codeOf, talk } from "./talk.ts"
import { connect, type Person, seededRandom, settle, twoPeople } from "./world.ts"

const states = (person: Person): string[] => person.of("ratchetSync").map(({ state }) => state)

async function exportOf(person: Person): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of person.agent.exportStore()) pieces.push(piece)
  return concatBytes(...pieces)
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield bytes
}

async function imported(bytes: Uint8Array): Promise<RawStore> {
  const raw = memoryRawStore()
  await importStoreWith(
    raw,
    one(bytes),
    { passphrase: "test", random: seededRandom("import") },
    (secret, salt) => sha256(secret, salt),
  )
  return raw
}

/** A disk whose machine has no power any more after so many commits: nothing answers. */
function dyingAfter(raw: RawStore, commits: number): RawStore {
  let left = commits
  return {
    get: (key) => raw.get(key),
    scan: (prefix) => raw.scan(prefix),
    commit: async (changes, expected) => {
      if (left-- <= 0) await new Promise<never>(() => undefined)
      await raw.commit(changes, expected)
    },
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  }
}

/** Opens the copy in the place of somebody who is gone. */
async function takeOver(person: Person, bytes: Uint8Array): Promise<Person> {
  await person.close()
  return await person.another(person.name, await imported(bytes))
}

describe("an agent that was imported from a copy", () => {
  it("asks for new keys by itself, says so on both sides, and a message each way arrives", async () => {
    const { alice, bob } = await twoPeople("copy")
    const ids = await connect(alice, bob)
    const people: [Person, string][] = [
      [alice, ids.alice],
      [bob, ids.bob],
    ]
    await talk(people, "before")
    const code = await codeOf(alice, ids.alice)
    const yesterday = await exportOf(bob)
    await talk(people, "today 1")
    await talk(people, "today 2")
    const restored = await takeOver(bob, yesterday)
    people[1] = [restored, ids.bob]
    // At once: it is held until it may be encrypted.
    await restored.agent.sendMessage({ connectionId: ids.bob, text: "held" })
    const count = alice.of("message").length
    expect((await alice.next("message", count)).text).toBe("held")
    await alice.agent.acknowledgeMessage({
      connectionId: ids.alice,
      messageId: alice.of("message").at(-1)?.messageId ?? 0,
    })
    await talk(people, "again")
    expect(states(restored)).toEqual(["started", "agreed", "ok"])
    expect(states(alice)).toEqual(["agreed", "ok"])
    expect(alice.of("ratchetSync")[0]).toMatchObject({
      oldCode: code,
      newCode: await codeOf(alice, ids.alice),
    })
    expect(await codeOf(restored, ids.bob)).toBe(await codeOf(alice, ids.alice))
    expect(alice.of("error")).toEqual([])
    await restored.restart()
    await talk(people, "after a restart")
    expect(states(restored)).toEqual(["started", "agreed", "ok"])
    await alice.close()
    await restored.close()
  })

  it("sends nothing but its new keys before the other side has answered, whatever the application does", async () => {
    const { alice, bob, one: server, clock } = await twoPeople("nothing else")
    const ids = await connect(alice, bob)
    const people: [Person, string][] = [
      [alice, ids.alice],
      [bob, ids.bob],
    ]
    await talk(people, "before")
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "waits for its receipt" })
    const waiting = await bob.next("message", 1)
    const yesterday = await exportOf(bob)
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "today" })
    await alice.next("message", 1)
    await alice.close()
    const restored = await takeOver(bob, yesterday)
    const commands: string[] = []
    server.intercept = ({ type }) => {
      commands.push(type)
      return undefined
    }
    await restored.agent.sendMessage({ connectionId: ids.bob, text: "forked?" })
    await restored.agent.acknowledgeMessage({ ...waiting, receipt: true })
    await clock.advance(60_000)
    await restored.restart()
    await clock.advance(60_000)
    expect(commands.filter((type) => type === "SEND")).toHaveLength(1)
    await alice.restart()
    await restored.next("ratchetSync", 1)
    await talk([...people.slice(0, 1), [restored, ids.bob]], "again")
    expect(alice.texts()).toContain("forked?")
    // The receipt that had to wait.
    expect(alice.of("delivered")).toEqual([])
    await clock.advance(6 * 60_000)
    expect((await alice.next("delivered")).hashOk).toBe(true)
    await alice.close()
    await restored.close()
  })

  it("reads what came meanwhile as far as it can, and goes on when the other side writes first", async () => {
    const { alice, bob } = await twoPeople("meanwhile")
    const ids = await connect(alice, bob)
    const people: [Person, string][] = [
      [alice, ids.alice],
      [bob, ids.bob],
    ]
    await talk(people, "before")
    const yesterday = await exportOf(bob)
    await talk(people, "today")
    await bob.close()
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "to nobody" })
    await settle(20)
    const restored = await bob.another("bob", await imported(yesterday))
    people[1] = [restored, ids.bob]
    await alice.next("ratchetSync", 1)
    await talk(people, "again")
    expect(restored.of("error")[0]).toMatchObject({ code: "A_CRYPTO" })
    expect(restored.texts().filter((text) => text === "to nobody")).toEqual([])
    await alice.close()
    await restored.close()
  })

  it.each([{ verified: true }, { setting: "required" as PostQuantumSetting }])(
    "waits for the application where the code was compared or post-quantum encryption is required: %o",
    async ({ verified = false, setting = "on" }) => {
      const { alice, bob, clock } = await twoPeople("consent")
      const { link, connectionId } = await alice.agent.createConnection({ mode: "invitation" })
      const { connectionId: id } = await bob.agent.joinConnection({ link, postQuantum: setting })
      const { confirmationId } = await alice.next("confirmation")
      await alice.agent.allowConnection({ connectionId, confirmationId })
      await bob.next("connected")
      await alice.next("connected")
      const people: [Person, string][] = [
        [bob, id],
        [alice, connectionId],
      ]
      await talk(people, "before")
      await bob.agent.setVerified({ connectionId: id, verified })
      const yesterday = await exportOf(bob)
      await talk(people, "today")
      const restored = await takeOver(bob, yesterday)
      people[0] = [restored, id]
      await restored.next("error")
      expect(restored.of("error")).toMatchObject([{ code: "SEND_LOCKED", connectionId: id }])
      expect(states(restored)).toEqual(["required"])
      const refused = restored.agent.sendMessage({ connectionId: id, text: "no" })
      await expect(refused).rejects.toMatchObject({ code: "SEND_LOCKED" })
      // Neither time nor a restart changes that.
      await clock.advance(3600_000)
      await restored.restart()
      await settle(20)
      expect(states(alice)).toEqual([])
      expect(await restored.agent.connectionState({ connectionId: id })).toMatchObject({
        ratchet: "required",
        verified,
      })
      await restored.agent.synchronizeRatchet({ connectionId: id })
      await talk(people, "again")
      expect(states(restored).slice(-3)).toEqual(["started", "agreed", "ok"])
      expect(await restored.agent.connectionState({ connectionId: id })).toMatchObject({
        ratchet: "ok",
        verified: false,
      })
      expect(await codeOf(restored, id)).toBe(await codeOf(alice, connectionId))
      await alice.close()
      await restored.close()
    },
  )

  it("begins anew where the copy was made in the middle of a re-synchronisation", async () => {
    const { alice, bob, one: server } = await twoPeople("in the middle")
    const ids = await connect(alice, bob)
    const people: [Person, string][] = [
      [alice, ids.alice],
      [bob, ids.bob],
    ]
    await talk(people, "before")
    server.intercept = ({ type }) => (type === "SEND" ? "drop" : undefined)
    await bob.agent.synchronizeRatchet({ connectionId: ids.bob, force: true })
    const yesterday = await exportOf(bob)
    server.intercept = () => undefined
    await bob.restart()
    await talk(people, "today")
    const restored = await takeOver(bob, yesterday)
    people[1] = [restored, ids.bob]
    await alice.next("ratchetSync", 3)
    await talk(people, "again")
    expect(await codeOf(restored, ids.bob)).toBe(await codeOf(alice, ids.alice))
    await alice.close()
    await restored.close()
  })

  it("locks and asks once, whatever commit of its first start is the last before a crash", async () => {
    for (let crashAfter = 0; crashAfter < 7; crashAfter++) {
      const { alice, bob, one: server } = await twoPeople(`crash after ${crashAfter}`)
      const ids = await connect(alice, bob)
      const people: [Person, string][] = [
        [alice, ids.alice],
        [bob, ids.bob],
      ]
      await talk(people, "before")
      const yesterday = await imported(await exportOf(bob))
      await talk(people, "today")
      await bob.close()
      let sends = 0
      server.intercept = ({ type }) => {
        if (type === "SEND") sends++
        return undefined
      }
      const beginning = bob.another("dying", dyingAfter(yesterday, crashAfter))
      await settle(100)
      const restored = await bob.another("bob", yesterday)
      await restored.next("ratchetSync")
      await alice.next("ratchetSync")
      // New keys, at most twice with the same bytes, and EREADY.
      await settle(20)
      expect(sends).toBeLessThanOrEqual(4)
      await talk([[restored, ids.bob], ...people.slice(0, 1)], "again")
      expect(await codeOf(restored, ids.bob)).toBe(await codeOf(alice, ids.alice))
      expect(states(alice)).toEqual(["agreed", "ok"])
      void beginning.catch(() => undefined)
      await alice.close()
      await restored.close()
    }
  }, 60_000)

  it("gives up a join that had not ended, and keeps links that nobody had used", async () => {
    const { alice, bob, one: server } = await twoPeople("handshake")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const invited = await exportOf(alice)
    server.intercept = ({ type }) => (type === "SKEY" ? "drop" : undefined)
    const joining = bob.agent.joinConnection({ link }).catch(() => undefined)
    await settle(20)
    const half = await exportOf(bob)
    const restored = await takeOver(bob, half)
    await joining
    expect(await restored.next("closed")).toMatchObject({ code: "SEND_LOCKED" })
    expect((await restored.agent.listConnections()).connections).toEqual([])
    server.intercept = () => undefined
    const again = await takeOver(alice, invited)
    const joined = await restored.agent.joinConnection({ link, info: utf8("bob") })
    const { confirmationId } = await again.next("confirmation")
    await again.agent.allowConnection({ connectionId, confirmationId })
    await again.next("connected")
    await talk(
      [
        [again, connectionId],
        [restored, joined.connectionId],
      ],
      "hello",
    )
    expect([...states(again), ...states(restored)]).toEqual([])
    await again.close()
    await restored.close()
  })

  it("that was made in the middle of a handshake locks what has a ratchet, and unlocks it once connected", async () => {
    const { alice, bob, clock } = await twoPeople("joined")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const { connectionId: id } = await bob.agent.joinConnection({ link })
    const { confirmationId } = await alice.next("confirmation")
    const [joined, requested] = [await exportOf(bob), await exportOf(alice)]
    const restored = await takeOver(bob, joined)
    await alice.agent.allowConnection({ connectionId, confirmationId })
    await restored.next("connected")
    await clock.advance(5 * 60_000)
    await alice.next("ratchetSync")
    await talk(
      [
        [alice, connectionId],
        [restored, id],
      ],
      "hello",
    )
    const undecided = await takeOver(alice, requested)
    const allow = undecided.agent.allowConnection({ connectionId, confirmationId })
    await expect(allow).rejects.toMatchObject({ code: "SEND_LOCKED" })
    await undecided.close()
    await restored.close()
  })
})
