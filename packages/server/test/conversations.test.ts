import { type Bytes, concatBytes, toHex } from "@smpkit/codec"
import { PrivateKey, type Random, sha256 } from "@smpkit/crypto"
import {
  encodeTransmission,
  parseBrokerMessage,
  parseCommand,
  type Transmission,
  verifyAuthorization,
} from "@smpkit/smp"
import { FakeClock, loadVectors, seededRandom, settle, type Vector } from "@smpkit/testkit"
import { expect, test } from "vitest"
import type { Connection } from "../src/connection.ts"
import { LooseSession, serve, testCore } from "./support/below-transport.ts"

/** Gives what a test lays down, in order; something else when nothing is laid down. */
class LaidDownRandom implements Random {
  readonly #other = seededRandom("conversations")
  readonly #next: Bytes[] = []
  lay(...values: readonly Bytes[]): void {
    this.#next.push(...values)
  }
  readonly bytes = (length: number): Bytes => {
    const value = this.#next.shift() ?? this.#other.bytes(length)
    if (value.length !== length) throw new Error(`${length} bytes wanted, ${value.length} laid down`)
    return value
  }
  /** Forgets what nobody asked for: a SEND that was refused needs no id. */
  clear(): void {
    this.#next.length = 0
  }
}

const empty = new Uint8Array(0)
const optionalBytes = (step: Vector, name: string): Bytes => step.find(name)?.bytes() ?? empty

// The recorded steps of agents, put into sessions below the transport. The recording server's own choices (ids, keys, message ids, times) are laid
// down, so that answers are equal byte for byte; in which order answers and pushed messages share blocks is free.
test.each([
  ["invitation-fast", 18],
  ["invitation-slow", 8],
  ["invitation-v6-no-alpn", 6],
  ["deletion", 18],
  ["quota", 18],
  ["resubscription", 18],
  ["short-link-invitation", 18],
  ["short-link-contact", 18],
  ["contact-address", 18],
  ["invitation-fast-pq", 18],
  ["rotation", 18],
])("the recorded conversation %s (version %i)", async (name, version) => {
  const vector = loadVectors(`conversations/${name}`)
  const steps = vector.at("steps").items()
  const wire = steps.filter((step) => step.has("dir"))
  const random = new LaidDownRandom()
  const clock = new FakeClock(0)
  const shortened = new Set(
    wire
      .filter((s) => s.at("dir").text() === "C>S" && !s.has("command"))
      .map((s) => toHex(s.at("authorization").bytes())),
  )
  let verified = 0
  const core = testCore({
    random,
    clock,
    limits: { quota: vector.at("server").at("quota").number() },
    // A SEND whose body the recording has shortened cannot be verified; everything else is.
    verify: (key, authorization, session, corrId, signed) => {
      if (shortened.has(toHex(authorization))) return true
      verified += 1
      return verifyAuthorization(key, authorization, session, corrId, signed)
    },
  })
  const connections = new Map<
    number,
    { session: LooseSession; connection: Connection; seen: Transmission[] }
  >()
  for (const c of vector.at("connections").items()) {
    expect(c.at("version").number()).toBe(version)
    const key = new PrivateKey("x25519", c.at("serverSessionPrivate").bytes())
    const session = new LooseSession(version, c.at("sessionId").bytes(), key)
    connections.set(c.at("conn").number(), { session, connection: serve(core, session), seen: [] })
  }
  const queues = vector.at("queues").items()
  const messages = new Map(
    wire.filter((s) => s.has("msg")).map((s) => [s.at("msg").find("send")?.number(), s.at("msg")] as const),
  )
  const takeAll = (): void => {
    for (const c of connections.values()) c.seen.push(...c.session.take())
  }

  for (const [at, step] of wire.entries()) {
    const conn = step.at("conn").number()
    const c = connections.get(conn)
    if (c === undefined) throw new Error(`no connection ${conn}`)
    if (step.at("dir").text() === "C>S") {
      const tag = step.at("tag").text()
      if (tag === "NEW") {
        const corrId = step.at("corrId").text()
        const ids = wire.find((s) => s.at("tag").text() === "IDS" && s.at("corrId").text() === corrId)
        if (ids === undefined) throw new Error("no IDS")
        const answer = parseBrokerMessage(version, ids.at("command").bytes())
        if (answer.type !== "IDS") throw new Error(answer.type)
        const queue = queues.find((q) => q.at("recipientId").text() === toHex(answer.recipientId))
        if (queue === undefined) throw new Error("no queue")
        const command = parseCommand(version, step.at("command").bytes())
        const chosen = command.type === "NEW" ? command.linkData : undefined
        const invented =
          chosen === undefined
            ? [answer.senderId]
            : chosen.linkId === undefined && answer.linkId !== undefined
              ? [answer.linkId]
              : []
        random.lay(answer.recipientId, ...invented, queue.at("serverDhPrivate").bytes())
      }
      if (tag === "SEND") {
        const message = messages.get(step.at("i").number())
        if (message !== undefined) {
          clock.jump(message.at("time").number() * 1000 - clock.now())
          random.lay(message.at("msgId").bytes())
        }
      }
      const head = step.find("commandHead64")
      const command =
        head === undefined
          ? step.at("command").bytes()
          : concatBytes(head.bytes(), new Uint8Array(step.at("commandLen").number() - head.bytes().length))
      const item = encodeTransmission(version, c.session.sessionId, {
        authorization: optionalBytes(step, "authorization"),
        corrId: optionalBytes(step, "corrId"),
        entityId: optionalBytes(step, "entityId"),
        command,
      })
      c.session.putItems(item)
      await settle(8)
      takeAll()
      random.clear()
    }
    // A connection on which nothing more was recorded was closed.
    if (!wire.slice(at + 1).some((s) => s.at("conn").number() === conn)) {
      await c.session.close()
      await settle(8)
    }
  }

  const line = (corrId: Bytes, entityId: Bytes, what: string): string =>
    `${toHex(corrId)} ${toHex(entityId)} ${what}`
  for (const [conn, { seen }] of connections) {
    const recorded = wire.filter((s) => s.at("conn").number() === conn && s.at("dir").text() === "S>C")
    const expected = recorded.map((s) => {
      const complete = s.find("command")
      const hash = complete === undefined ? s.at("commandSha256").text() : toHex(sha256(complete.bytes()))
      const send = s.has("msg") ? steps[s.at("msg").find("send")?.number() ?? -1] : undefined
      // A message whose SEND was shortened is known by its id.
      const known = s.has("msg") && (send === undefined || send.has("command")) ? hash : undefined
      const what = s.has("msg") && known === undefined ? `MSG ${s.at("msg").at("msgId").text()}` : hash
      return line(optionalBytes(s, "corrId"), optionalBytes(s, "entityId"), what)
    })
    const shortenedIds = new Set(expected.filter((e) => e.includes("MSG ")).map((e) => e.split("MSG ")[1]))
    const actual = seen.map(({ corrId, entityId, command }) => {
      const message = parseBrokerMessage(version, command)
      const byId = message.type === "MSG" && shortenedIds.has(toHex(message.msgId))
      return line(corrId, entityId, byId ? `MSG ${toHex(message.msgId)}` : toHex(sha256(command)))
    })
    expect(actual.sort(), `connection ${conn}`).toEqual(expected.sort())
  }
  const authorized = wire.filter(
    (s) => s.at("dir").text() === "C>S" && optionalBytes(s, "authorization").length > 0,
  )
  expect(verified).toBe(authorized.filter((s) => s.has("command")).length)
})
