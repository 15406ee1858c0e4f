import { type Bytes, fromBase64Url } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import type { EveServer } from "../../src/eve-server.ts"
import { found } from "./canary.ts"
import { connect, type World, world } from "./person.ts"

/** What names a server and its queue: what somebody with the logs of both would join them by. */
async function namesOf(server: EveServer): Promise<[string, Bytes | string][]> {
  const recipientIds = await server.store.recipientIds(undefined, 1000)
  const records = await server.store.find(recipientIds.map((id) => ({ party: "recipient", id })))
  const ids = records.flatMap((record): [string, Bytes][] =>
    record === undefined
      ? []
      : [
          ["recipient id", record.recipientId],
          ["sender id", record.senderId],
          ["recipient's key", record.recipientKey],
          ["queue secret", record.secret],
          ...(record.senderKey === undefined ? [] : [["sender's key", record.senderKey] as [string, Bytes]]),
        ],
  )
  const [host] = server.address.hosts
  return [["host", host], ["fingerprint", server.address.keyHash], ...ids]
}

async function talked(w: World): Promise<{ readonly link: string }> {
  const ids = await connect(w.alice, w.bob)
  await w.alice.agent.sendMessage({ connectionId: ids.alice, text: "hello" })
  await w.bob.read(1)
  await w.bob.agent.sendMessage({ connectionId: ids.bob, text: "hello yourself" })
  await w.alice.read(1)
  return ids
}

describe("security.md Q23: a conversation over two servers, and what each of them saw of it", () => {
  test("Q23: neither saw the other's name, nor an id or key of the other's queue", async () => {
    await using w = await world("who saw what")
    await talked(w)
    for (const [here, elsewhere] of [
      [w.one, w.two],
      [w.two, w.one],
    ] as const) {
      expect((await here.senderIds()).length).toBe(1)
      const own = await namesOf(here)
      const foreign = await namesOf(elsewhere)
      expect(foreign.length).toBe(7)
      for (const [what, name] of foreign) expect([what, found(name, here.seen)]).toEqual([what, []])
      // The search finds what is there: the ids of its own queue.
      for (const what of ["recipient id", "sender id"]) {
        const name = own.find(([kind]) => kind === what)?.[1] ?? ""
        expect([what, found(name, here.seen)]).toEqual([what, ["raw"]])
      }
    }
  })

  test("Q23: neither saw the link, or the keys in it", async () => {
    await using w = await world("who saw the link")
    const { link } = await talked(w)
    const e2e = new URLSearchParams(link.slice(link.indexOf("?") + 1)).get("e2e") ?? ""
    const keys = [...e2e.matchAll(/[A-Za-z0-9_-]{80,}=*/g)].map(([key]) => fromBase64Url(key).slice(-56))
    expect(keys.length).toBeGreaterThanOrEqual(2)
    for (const server of [w.one, w.two]) for (const key of keys) expect(found(key, server.seen)).toEqual([])
  })

  test("the same search, with both on one server: it sees both queues, which is why two are taken", async () => {
    await using w = await world("one server")
    const carol = await w.another("carol")
    const ids = await connect(carol, w.bob)
    expect(ids.link).toContain("two.example")
    expect(await w.one.senderIds()).toEqual([])
    expect((await w.two.senderIds()).length).toBe(2)
    for (const id of await w.two.senderIds()) expect(found(id, w.two.seen)).toContain("raw")
  })
})
