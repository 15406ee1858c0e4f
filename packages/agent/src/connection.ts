import {
  type Bytes,
  bool,
  type Codec,
  fixed,
  lazy,
  longBytes,
  nonEmptyList,
  optional,
  safeInt64,
  shortBytes,
  struct,
  text,
  u16,
  u8,
  type Writer,
} from "@smpkit/codec"
import { type AuthAlg, authPublicKey, type KeyPair, type PublicKey } from "@smpkit/crypto"
import {
  hybridX3dhKeys,
  type RatchetParameters,
  ratchetParameters,
  type RatchetState,
  ratchetState,
  type X3dhKeys,
  x3dhKeys,
} from "@smpkit/ratchet"
import { type QueueInfo, queueInfo } from "@smpkit/smp"
import type { PostQuantumSetting } from "./post-quantum/setting.ts"
import { noResync, type RatchetSync, ratchetSync, resync, type Resync } from "./resynchronize/state.ts"
import {
  keyPair,
  letters,
  type NewQueue,
  newQueue,
  type ReceiveQueue,
  receiveQueue,
  type SendQueue,
  sendQueue,
} from "./queues.ts"
import { type ShortLink, shortLink } from "./short-links/short-link.ts"

/** What every connection has, in whatever state it is. */
export interface ConnectionCommon {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly created: number
  readonly role: "initiator" | "joiner"
  /** The agreed agent version; our maximum until there is one. */
  readonly agentVersion: number
  /** What was asked for at creation; whether it is on, the ratchet tells. */
  readonly postQuantum: PostQuantumSetting
  readonly verified: boolean
  /** When the application asked for a receipt for the first time, it asked for the connection. */
  readonly receipts: boolean
  readonly ratchetSync: RatchetSync
  /** Messages in a row that did not decrypt. */
  readonly failures: number
  /** SHA-256 of the other side's key agreement keys, to tell a repeated confirmation from another one's. */
  readonly peerKeys: Bytes | undefined
  /** The store came back from a copy: nothing new is encrypted before a re-synchronisation (security.md Q2). */
  readonly sendLocked: boolean
  /** To be deleted when all that waits was delivered. */
  readonly leaving: boolean
  readonly resync: Resync
}

/** Somebody's answer to our invitation: kept until the application has chosen. */
export interface Confirmation {
  readonly id: string
  readonly agentVersion: number
  /** The sender's key of the queue layer, and the secret it makes. */
  readonly queueKey: Bytes
  readonly queueSecret: Bytes
  /** The key to set on our queue, where its sender could not. */
  readonly senderKey: PublicKey<AuthAlg> | undefined
  readonly peerKeys: Bytes
  readonly session: Session
  readonly replyQueue: QueueInfo
  readonly info: Bytes
}

/** How far a connection is; each state holds just what is valid in it (agent-protocol.md, "Connection procedures"). */
export type ConnectionState =
  /** An address: others ask at it, and each accepted request becomes a connection of its own. */
  | { readonly state: "address"; readonly receive: ReceiveQueue }
  /** Joining with a short link: its data is not here. `senderKey`, of an invitation, may be set on the initiator's queue. */
  | {
      readonly state: "resolving"
      readonly link: ShortLink
      readonly senderKey: KeyPair<"ed25519"> | undefined
      readonly info: Bytes
    }
  /** Asking at an address: the own invitation's queue may not exist. With it the connection is `invited`, and the request stored for sending. */
  | {
      readonly state: "requesting"
      readonly address: QueueInfo
      readonly queue: NewQueue
      readonly x3dh: X3dhKeys
      readonly info: Bytes
    }
  /** Initiator: NEW is not answered. */
  | { readonly state: "new"; readonly queue: NewQueue; readonly x3dh: X3dhKeys }
  /** Initiator: the link exists, nobody has answered. */
  | { readonly state: "invited"; readonly receive: ReceiveQueue; readonly x3dh: X3dhKeys }
  /** Initiator: answers wait for the application. `asked`: it was told that there are several. */
  | {
      readonly state: "requested"
      readonly receive: ReceiveQueue
      readonly x3dh: X3dhKeys
      readonly confirmations: readonly [Confirmation, ...Confirmation[]]
      readonly asked: boolean
    }
  /** Initiator: allowed, own confirmation not delivered. */
  | Duplex<"accepted">
  /** Joiner: its key may be set on the initiator's queue, its reply queue may not exist. */
  | {
      readonly state: "joining"
      readonly send: SendQueue
      readonly queue: NewQueue
      readonly parameters: RatchetParameters
      readonly ratchet: RatchetState
      readonly info: Bytes
    }
  /** Joiner: confirmation stored for sending, the initiator has not answered. */
  | Duplex<"joined">
  /** Slow handshake: own part done, the other side's HELLO is missing. */
  | Duplex<"waiting">
  /** Slow handshake: own HELLO is to be delivered. `answer`: it answers the other side's, so that delivery completes the handshake. */
  | (Duplex<"greeting"> & { readonly answer: boolean })
  | Duplex<"connected">

interface Duplex<S extends string> {
  readonly state: S
  readonly receive: ReceiveQueue
  readonly send: SendQueue
}

export type Connection = ConnectionCommon & ConnectionState

/** The states in which both queues exist. */
export type DuplexConnection = Extract<
  Connection,
  { readonly send: SendQueue; readonly receive: ReceiveQueue }
>

export function isDuplex(c: Connection): c is DuplexConnection {
  return "send" in c && "receive" in c
}

/** The queue that a connection receives from, once the server has made it. */
export function receiveQueueOf(c: Connection): ReceiveQueue | undefined {
  return "receive" in c ? c.receive : undefined
}

/** As the first release wrote it. */
const firstCommon: Codec<Omit<ConnectionCommon, "resync">> = struct({
  id: text,
  created: safeInt64,
  role: letters<ConnectionCommon["role"]>({ initiator: "I", joiner: "J" }),
  agentVersion: u16,
  postQuantum: letters<PostQuantumSetting>({ off: "0", on: "1", required: "2" }),
  verified: bool,
  receipts: bool,
  ratchetSync,
  failures: u8,
  peerKeys: optional(fixed(32)),
  sendLocked: bool,
  leaving: bool,
})
const common: Codec<ConnectionCommon> = {
  write: (w, v) => {
    firstCommon.write(w, v)
    resync.write(w, v.resync)
  },
  read: (r) => ({ ...firstCommon.read(r), resync: resync.read(r) }),
}

const confirmation: Codec<Confirmation> = struct({
  id: text,
  agentVersion: u16,
  queueKey: fixed(32),
  queueSecret: fixed(32),
  senderKey: optional(authPublicKey),
  peerKeys: fixed(32),
  session: lazy(() => session),
  replyQueue: queueInfo,
  info: longBytes,
})

type StateName = ConnectionState["state"]
type StateFields<S extends StateName> = Omit<Extract<ConnectionState, { readonly state: S }>, "state">
type StateCodecs = { readonly [S in StateName]: Codec<StateFields<S>> }

const duplex = struct<Omit<Duplex<"connected">, "state">>({ receive: receiveQueue, send: sendQueue })

/** What the states hold; `x3dh` says how key agreement keys are written. */
const stateCodecs = (x3dh: Codec<X3dhKeys>): StateCodecs => ({
  address: struct<StateFields<"address">>({ receive: receiveQueue }),
  resolving: struct<StateFields<"resolving">>({
    link: shortLink,
    senderKey: optional(keyPair("ed25519")),
    info: longBytes,
  }),
  requesting: struct<StateFields<"requesting">>({
    address: queueInfo,
    queue: newQueue,
    x3dh,
    info: longBytes,
  }),
  new: struct<StateFields<"new">>({ queue: newQueue, x3dh }),
  invited: struct<StateFields<"invited">>({ receive: receiveQueue, x3dh }),
  requested: struct<StateFields<"requested">>({
    receive: receiveQueue,
    x3dh,
    confirmations: nonEmptyList(confirmation),
    asked: bool,
  }),
  accepted: duplex,
  joining: struct<StateFields<"joining">>({
    send: sendQueue,
    queue: newQueue,
    parameters: {
      write: (w, v) => {
        ratchetParameters.write(w, v)
      },
      read: (r) => ratchetParameters.read(r),
    },
    ratchet: ratchetState,
    info: longBytes,
  }),
  joined: duplex,
  waiting: duplex,
  greeting: struct<StateFields<"greeting">>({ receive: receiveQueue, send: sendQueue, answer: bool }),
  connected: duplex,
})

const stateNames = letters<StateName>({
  address: "D",
  resolving: "L",
  requesting: "Q",
  new: "N",
  invited: "I",
  requested: "R",
  accepted: "A",
  joining: "J",
  joined: "K",
  waiting: "W",
  greeting: "G",
  connected: "C",
})

/** Of the first release, whose key agreement had no KEM keys: only read. */
const firstLayout = 1
const layout = 2
const firstStates = stateCodecs(x3dhKeys)
const states = stateCodecs(hybridX3dhKeys)

/** A connection in the sealed store, its private keys in clear. */
export const connection: Codec<Connection> = {
  write: (w, c) => {
    w.u8(layout)
    common.write(w, c)
    stateNames.write(w, c.state)
    const write = states[c.state].write as (w: Writer, v: Connection) => void
    write(w, c)
  },
  read: (r) => {
    const version = r.u8()
    if (version !== layout && version !== firstLayout) return r.fail("a connection of another layout")
    const shared = version === layout ? common.read(r) : { ...firstCommon.read(r), resync: noResync }
    const state = stateNames.read(r)
    const fields = version === layout ? states : firstStates
    return { ...shared, state, ...fields[state].read(r) } as Connection
  },
}

/** A ratchet with the ids and hashes beside it: what changes with every message. */
export interface Session {
  readonly ratchet: RatchetState
  readonly lastReceivedId: number
  readonly lastReceivedHash: Bytes
  readonly lastSentId: number
  readonly lastSentHash: Bytes
  /** One local counter for both directions. */
  readonly nextMessageId: number
}

export const session: Codec<Session> = struct({
  ratchet: ratchetState,
  lastReceivedId: safeInt64,
  lastReceivedHash: shortBytes,
  lastSentId: safeInt64,
  lastSentHash: shortBytes,
  nextMessageId: safeInt64,
})

/** The states in which there is a queue to receive from. */
export type ReceiveQueueHolder = Extract<Connection, { readonly receive: ReceiveQueue }>
