import { type Bytes, decode, toBase64Url } from "@smpkit/codec"
import { boxKey, CryptoError, sha256 } from "@smpkit/crypto"
import { openClientMessage, parseClientEnvelope } from "@smpkit/smp"
import type { FakeServer } from "../scenario/fake-server.ts"
import { heldTable } from "../../src/post-quantum/held-messages.ts"
import { type Outgoing, tables } from "../../src/records.ts"
import { moveTables } from "../../src/rotation/move-tables.ts"
import type { StoreTx } from "../../src/store/index.ts"
import type { Party } from "./party.ts"

type Queue = FakeServer["queues"][number]

/** One item that an agent sealed for the other, whatever box it is in. */
export class Letter {
  readonly from: Party
  readonly type: Outgoing["type"]
  readonly number: number
  readonly messageId: number | undefined
  /** Which ratchet sealed it; of a confirmation and of new keys, none. */
  readonly ratchet: string
  /** What the sender had sealed before it. */
  readonly previous: Letter | undefined
  readonly key: string
  readonly text: string | undefined
  /** A server has said OK. */
  accepted = false
  denied = false
  /** The application that it is for has been shown it. */
  answered = false

  constructor(from: Party, item: Outgoing, more: Pick<Letter, "ratchet" | "previous" | "key" | "text">) {
    this.from = from
    this.type = item.type
    this.number = item.sndMsgId
    this.messageId = item.messageId
    this.ratchet = more.ratchet
    this.previous = more.previous
    this.key = more.key
    this.text = more.text
  }

  get to(): Party {
    return this.from.other
  }

  get name(): string {
    return `${this.from.name}:${this.number} ${this.type}${this.text === undefined ? "" : ` "${this.text}"`}`
  }

  /** Puts a copy of it into a queue behind its sender's back. */
  put(queue: Queue, body: Bytes): void {
    const { world } = this.from
    const server = world.servers.find((one) => one.queues.includes(queue))
    if (server === undefined) return
    server.inject(queue, body)
    const stored = queue.messages.at(-1)
    if (stored !== undefined) world.delivered(stored.id, this)
  }
}

export interface Write {
  readonly table: string
  readonly value: Bytes
}

/** Runs a transaction with its writes copied. */
export function watched(f: (tx: StoreTx) => void, writes: Write[]): (tx: StoreTx) => void {
  return (tx) => {
    f({
      get: (table, key) => tx.get(table, key),
      generation: (table, key) => tx.generation(table, key),
      list: (table, scope) => tx.list(table, scope),
      get wasRestored() {
        return tx.wasRestored
      },
      put: (table, key, value, expected) => {
        writes.push({ table, value: new Uint8Array(value) })
        tx.put(table, key, value, expected)
      },
      delete: (table, key, expected) => {
        tx.delete(table, key, expected)
      },
      setRestored: (restored) => {
        tx.setRestored(restored)
      },
    })
  }
}

/** What a transaction says about letters, in order of their numbers; the party learns the secrets of queues. */
export function itemsOf(party: Party, writes: readonly Write[]): Outgoing[] {
  const items: Outgoing[] = []
  for (const { table, value } of writes) {
    switch (table) {
      case tables.connection.name: {
        const connection = decode(tables.connection.codec, value)
        if ("send" in connection) party.learn(connection.send.secret)
        break
      }
      case moveTables.sendSide.name: {
        const { move } = decode(moveTables.sendSide.codec, value)
        if (move !== undefined) party.learn(move.queue.secret)
        if (move?.state === "testing") items.push(move.test)
        break
      }
      case tables.outgoing.name:
        items.push(decode(tables.outgoing.codec, value))
        break
      case heldTable.name:
        if (party.writing !== undefined)
          party.texts.set(decode(heldTable.codec, value).messageId, party.writing)
        break
    }
  }
  return items.sort((a, b) => a.sndMsgId - b.sndMsgId)
}

/** The ratchet of a session's record: its associated data, which both sides have alike. */
export function ratchetOf(writes: readonly Write[]): string | undefined {
  const session = writes.find(({ table }) => table === tables.session.name)
  return session === undefined ? undefined : toBase64Url(session.value.slice(5, 5 + 112))
}

/** The ratchet of an answer that waits for the application, which its connection's record holds. */
export function answeredRatchetOf(writes: readonly Write[]): string | undefined {
  for (const { table, value } of writes) {
    if (table !== tables.connection.name) continue
    const connection = decode(tables.connection.codec, value)
    if (connection.state === "requested") return toBase64Url(connection.confirmations[0].session.ratchet.ad)
  }
  return undefined
}

/** Heads that a transaction wrote: ids of messages that the agent has dealt with. */
export function headsOf(writes: readonly Write[]): string[] {
  return writes
    .filter(({ table }) => table === tables.head.name || table === moveTables.secondHead.name)
    .map(({ value }) => toBase64Url(decode(tables.head.codec, value).smpMsgId))
}

/** What a letter is known by: its envelope's hash, the same in whatever box; `undefined` where no secret opens it. */
export function keyOf(secrets: Iterable<Bytes>, body: Bytes): string | undefined {
  const envelope = parseClientEnvelope(body)
  for (const secret of secrets) {
    try {
      return toBase64Url(sha256(openClientMessage(boxKey(secret), envelope).payload))
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
    }
  }
  return undefined
}
