import { type Bytes, decodeUtf8, utf8 } from "@smpkit/codec"
import {
  type AuthAlg,
  boxKey,
  type BoxKey,
  dh,
  generateKeyPair,
  type KeyPair,
  type Random,
  sha3_384,
} from "@smpkit/crypto"
import {
  type BrokerMessage,
  type Command,
  formatProtocolError,
  type LinkRequest,
  openMessageBody,
  parseBrokerMessage,
  type QueueMode,
  type SmpVersion,
} from "@smpkit/smp"
import { seededRandom, settle } from "@smpkit/testkit"
import type { Connection } from "../../src/connection.ts"
import type { ServerCore } from "../../src/core.ts"
import { type CoreOptions, LooseSession, serve, testCore } from "./below-transport.ts"
import { TestClient } from "./test-client.ts"

interface ScriptClient {
  readonly session: LooseSession
  readonly client: TestClient
  readonly connection: Connection
}

/**
 * Clients that act line by line on one queue: `A SUB -> A SOK, A* MSG hello`. Left: who, the command, its words; `by KEY` authorizes a SEND.
 * Right: everything that the server then sends, `*` for what has no corrId. Clients and keys come into being when they are named.
 */
export class Script {
  readonly core: ServerCore
  readonly random: Random
  readonly #version: SmpVersion
  readonly #clients = new Map<string, ScriptClient>()
  readonly #keys = new Map<string, KeyPair<AuthAlg>>()
  readonly #linkIds = new Map<string, Bytes>()
  #recipientId: Bytes
  #senderId: Bytes
  #boxKey: BoxKey | undefined
  #msgId: Bytes = new Uint8Array(0)

  constructor(version: SmpVersion, options: Omit<CoreOptions, "random"> = {}) {
    this.random = seededRandom(`script ${version}`)
    this.#version = version
    this.core = testCore({ random: this.random, ...options })
    this.#recipientId = this.random.bytes(24)
    this.#senderId = this.random.bytes(24)
  }

  client(name: string): ScriptClient {
    const known = this.#clients.get(name)
    if (known !== undefined) return known
    const pair = generateKeyPair("x25519", this.random)
    const session = new LooseSession(this.#version, this.random.bytes(32), pair.privateKey, pair.publicKey)
    const made = {
      session,
      client: new TestClient(session, this.random),
      connection: serve(this.core, session),
    }
    this.#clients.set(name, made)
    return made
  }

  key(name: string): KeyPair<AuthAlg> {
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const made = generateKeyPair(
      name.startsWith("x") ? "x25519" : name.startsWith("g") ? "ed448" : "ed25519",
      this.random,
    )
    this.#keys.set(name, made)
    return made
  }

  /** Runs a line without its right side; what the server sent, in the form of a right side. */
  async run(line: string): Promise<string> {
    const [who = "", tag = "", ...words] = line.trim().split(/\s+/)
    const { session, connection } = this.client(who)
    if (tag === "close") await session.close()
    else if (tag === "finish") void connection.finish()
    else session.putItems(this.#item(who, tag, words))
    await settle(8)
    return this.take()
  }

  take(): string {
    const said: string[] = []
    for (const [name, { session }] of this.#clients) {
      for (const { corrId, command } of session.take())
        said.push(
          `${name}${corrId.length === 0 ? "*" : ""} ${this.#say(parseBrokerMessage(this.#version, command))}`,
        )
    }
    return said.join(", ")
  }

  #item(who: string, tag: string, words: readonly string[]): Bytes {
    const { client } = this.client(who)
    const by = words.indexOf("by")
    const named = by < 0 ? undefined : words[by + 1]
    const [word = ""] = words
    const recipient = { entityId: this.#recipientId, key: this.key(named ?? "r") }
    const sender = (key: string | undefined): { entityId: Bytes; key?: KeyPair<AuthAlg> } =>
      key === undefined ? { entityId: this.#senderId } : { entityId: this.#senderId, key: this.key(key) }
    switch (tag) {
      case "NEW": {
        const key = this.key("r")
        const mode: QueueMode | undefined = word === "messaging" || word === "contact" ? word : undefined
        const corrId = this.random.bytes(24)
        const command: Command = {
          type: "NEW",
          authKey: key.publicKey,
          dhKey: generateDh(this.random, (dhKey) => (this.#dhKey = dhKey)),
          basicAuth: words.includes("password") ? words[words.indexOf("password") + 1] : undefined,
          subscribe: words.includes("subscribe"),
          queueMode: mode,
          linkData: words.includes("link") ? this.#linkRequest(mode, corrId, words) : undefined,
        }
        return client.transmission(command, { key, corrId })
      }
      case "PING":
        return client.transmission({ type: "PING" })
      case "SUB":
      case "GET":
      case "OFF":
      case "DEL":
      case "QUE":
      case "LDEL":
      case "NDEL":
        return client.transmission({ type: tag }, recipient)
      case "KEY":
        return client.transmission({ type: "KEY", senderKey: this.key(word).publicKey }, recipient)
      case "SKEY":
        return client.transmission(
          { type: "SKEY", senderKey: this.key(word).publicKey },
          sender(named ?? word),
        )
      case "LSET": {
        const [linkId = "", fixed = "", user = ""] = words
        const parts = { fixed: utf8(fixed), user: utf8(user) }
        return client.transmission({ type: "LSET", linkId: this.#linkId(linkId), ...parts }, recipient)
      }
      case "LGET":
        return client.transmission({ type: "LGET" }, { entityId: this.#linkId(word) })
      case "LKEY":
        return client.transmission(
          { type: "LKEY", senderKey: this.key(word).publicKey },
          { entityId: this.#linkId("own"), key: this.key(named ?? word) },
        )
      case "SEND": {
        const long = /^(\d+)bytes$/.exec(word)?.[1]
        const body = long === undefined ? utf8(word) : new Uint8Array(Number(long))
        return client.transmission({ type: "SEND", notification: false, body }, sender(named))
      }
      case "ACK": {
        const msgId =
          word === "empty" ? new Uint8Array(0) : word === "other" ? new Uint8Array(24) : this.#msgId
        return client.transmission({ type: "ACK", msgId }, recipient)
      }
      default:
        throw new Error(`no command ${tag}`)
    }
  }

  /** `own`: that of the queue. Others come into being when they are named; `short` has another length. */
  #linkId(name: string): Bytes {
    if (name === "short") return new Uint8Array(5)
    const known = this.#linkIds.get(name) ?? this.random.bytes(24)
    this.#linkIds.set(name, known)
    return known
  }

  /** `NEW … link ID FIXED USER`; the id counts for a contact queue. `wrong-sender` names another sender id than the one that is due. */
  #linkRequest(mode: QueueMode | undefined, corrId: Bytes, words: readonly string[]): LinkRequest {
    const [linkId = "", fixed = "", user = ""] = words.slice(words.indexOf("link") + 1)
    return {
      linkId: mode === "contact" ? this.#linkId(linkId) : undefined,
      senderId: words.includes("wrong-sender") ? this.random.bytes(24) : sha3_384(corrId).slice(0, 24),
      fixed: utf8(fixed),
      user: utf8(user),
    }
  }

  #dhKey: KeyPair<"x25519"> | undefined

  #say(message: BrokerMessage): string {
    switch (message.type) {
      case "IDS":
        this.#recipientId = message.recipientId
        this.#senderId = message.senderId
        if (this.#dhKey !== undefined) this.#boxKey = boxKey(dh(this.#dhKey.privateKey, message.serverDhKey))
        if (message.linkId === undefined) return "IDS"
        this.#linkIds.set("own", message.linkId)
        return "IDS+link"
      case "MSG": {
        this.#msgId = message.msgId
        if (this.#boxKey === undefined) return "MSG"
        const opened = openMessageBody(this.#boxKey, message.msgId, message.body)
        if (opened.type === "quota") return "MSG (quota)"
        return `MSG ${opened.body.length > 99 ? `${opened.body.length}bytes` : (decodeUtf8(opened.body) ?? "?")}`
      }
      case "LNK":
        return `LNK ${decodeUtf8(message.fixed) ?? "?"} ${decodeUtf8(message.user) ?? "?"}`
      case "INFO":
        return `INFO ${message.json}`
      case "ERR":
        return `ERR ${formatProtocolError(message.error)}`
      default:
        return message.type
    }
  }
}

function generateDh(random: Random, keep: (pair: KeyPair<"x25519">) => void): KeyPair<"x25519">["publicKey"] {
  const pair = generateKeyPair("x25519", random)
  keep(pair)
  return pair.publicKey
}
