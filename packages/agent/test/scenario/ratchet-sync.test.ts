import { generateX3dhKeys, initSendingRatchet, x3dhJoiner } from "@smpkit/ratchet"
import { describe, expect, it } from "vitest"
import { isDuplex, type Session } from "../../src/connection.ts"
import type { AgentEvent } from "../../src/index.ts"
import type { SendQueue } from "../../src/queues.ts"
import { getRecord, tables } from "../../src/records.ts"
import { sealMessage } from "../../src/seal.ts"
import { connect, openStore, type Person, seededRandom, settle, twoPeople, utf8 } from "./world.ts"

const random = seededRandom("out of step")

/** What somebody has who can seal for the queue that a connection sends to. */
async function stateOf(person: Person, connectionId: string): Promise<{ send: SendQueue; session: Session }> {
  await person.close()
  const store = await openStore(person.raw, random)
  const connection = getRecord(store, tables.connection, connectionId)
  const session = getRecord(store, tables.session, connectionId)
  await store.close()
  if (connection === undefined || session === undefined || !isDuplex(connection))
    throw new Error("not connected")
  return { send: connection.send, session }
}

/** The bodies of as many messages of a session. */
function bodiesOf(session: Session, send: SendQueue, count: number): Uint8Array<ArrayBuffer>[] {
  let state = session
  return Array.from({ length: count }, () => {
    const message = { type: "A_MSG", body: utf8("x") } as const
    const sealed = sealMessage(state, send, { agentVersion: 7, message, random })
    state = sealed.session
    return sealed.body
  })
}

function strangersSession(session: Session): Session {
  const [own, other] = [generateX3dhKeys(random), generateX3dhKeys(random)]
  const peer = { key1: other.key1.publicKey, key2: other.key2.publicKey, kem: undefined }
  const secrets = x3dhJoiner(own, peer)
  return { ...session, ratchet: initSendingRatchet({ version: 3, secrets, peerKey: peer.key2, random }) }
}

const states = (person: Person): string[] => person.of("ratchetSync").map(({ state }) => state)

describe("ratchets that are out of step", () => {
  it("are reported when that begins, when it gets worse and when it ends, once each, also across a restart", async () => {
    const { alice, bob, two } = await twoPeople("sync")
    const ids = await connect(alice, bob)
    const { send, session } = await stateOf(alice, ids.alice)
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    const bad = bodiesOf(strangersSession(session), send, 4)
    const inject = async (count: number): Promise<void> => {
      for (const body of bad.splice(0, count)) two.inject(queue, body)
      await settle(30)
    }
    await inject(2)
    expect(states(bob)).toEqual(["allowed"])
    await bob.restart()
    await inject(2)
    expect(states(bob)).toEqual(["allowed", "required"])
    expect(bob.of("error").map(({ code }) => code)).toEqual(Array(4).fill("A_CRYPTO"))
    expect((await bob.agent.connectionState({ connectionId: ids.bob })).ratchet).toBe("required")
    await alice.restart()
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "still here" })
    await bob.next("message")
    expect(bob.of("ratchetSync").at(-1)).toEqual({ type: "ratchetSync", connectionId: ids.bob, state: "ok" })
    const order = bob.events.map(({ type }: AgentEvent) => type)
    expect(order.indexOf("ratchetSync")).toBe(order.indexOf("error") + 1)
    await alice.close()
    await bob.close()
  })

  it("say to re-synchronise when more than 512 messages are missing", async () => {
    const { alice, bob, two } = await twoPeople("lost")
    const ids = await connect(alice, bob)
    const { send, session } = await stateOf(alice, ids.alice)
    const [queue] = two.queues
    const last = bodiesOf(session, send, 514).at(-1)
    if (queue === undefined || last === undefined) throw new Error("no queue")
    two.inject(queue, last)
    const { code, message } = await bob.next("error")
    expect([code, message]).toEqual(["A_CRYPTO", expect.stringContaining("synchronizeRatchet")])
    expect(states(bob)).toEqual(["allowed"])
    await bob.close()
  })
})
