import { type Bytes, bool, type Codec, fixed, mapped, optional, shortBytes, struct } from "@smpkit/codec"
import {
  type Alg,
  type AuthAlg,
  authPublicKey,
  CryptoError,
  decodePrivateKey,
  encodePrivateKey,
  type KeyPair,
  keyPairOf,
  type PrivateKey,
  type PublicKey,
} from "@smpkit/crypto"
import { type QueueInfo, queueInfo, type QueueMode, type ServerAddress, serverAddress } from "@smpkit/smp"

/** A key pair as it was read: its public half is made when it is asked for, as an agent with many connections reads many pairs and uses few. */
class StoredPair<A extends Alg> implements KeyPair<A> {
  readonly privateKey: PrivateKey<A>
  #publicKey: PublicKey<A> | undefined

  constructor(privateKey: PrivateKey<A>) {
    this.privateKey = privateKey
  }

  get publicKey(): PublicKey<A> {
    this.#publicKey ??= keyPairOf(this.privateKey).publicKey
    return this.#publicKey
  }
}

/** A key pair in the sealed store: PKCS8, from which the public half is made again. */
export function keyPair<A extends Alg>(alg: A): Codec<KeyPair<A>> {
  return pairCodec((der): KeyPair<A> => new StoredPair(privateKeyOf(der, alg)))
}

function pairCodec<P extends KeyPair>(pairOf: (der: Bytes) => P): Codec<P> {
  return mapped(
    shortBytes,
    (der, fail) => pairFrom(der, pairOf, fail),
    (v) => encodePrivateKey(v.privateKey),
  )
}

function pairFrom<P extends KeyPair>(
  der: Bytes,
  pairOf: (der: Bytes) => P,
  fail: (message: string) => never,
): P {
  try {
    return pairOf(der)
  } catch (error) {
    if (CryptoError.is(error, "KEY")) return fail(error.message)
    throw error
  } finally {
    der.fill(0)
  }
}

function privateKeyOf<A extends Alg>(der: Bytes, alg: A): PrivateKey<A> {
  return decodePrivateKey<A>(der, [alg])
}

/** The keys of a queue that is asked for with NEW: stored before the command leaves, as NEW cannot be repeated without making a second queue. */
export interface NewQueue {
  readonly server: ServerAddress
  /** Authorizes the recipient's commands. */
  readonly recipientKey: KeyPair<"ed25519">
  /** For the layer between server and recipient. */
  readonly serverDhKey: KeyPair<"x25519">
  /** For the layer between sender and recipient; the public half is in the queue's address. */
  readonly dhKey: KeyPair<"x25519">
}

/** How far the sender's key is set on an own queue whose sender could not set it itself. */
export type Securing =
  | { readonly type: "none" }
  | { readonly type: "pending"; readonly senderKey: PublicKey<AuthAlg> }
  | { readonly type: "done" }

/** An own queue, to receive from. */
export interface ReceiveQueue {
  readonly server: ServerAddress
  readonly recipientId: Bytes
  readonly senderId: Bytes
  readonly mode: QueueMode | undefined
  readonly recipientKey: KeyPair<"ed25519">
  /** X25519 of our key and the server's for this queue. */
  readonly serverSecret: Bytes
  readonly dhKey: KeyPair<"x25519">
  /** The sender's key of the confirmation, and the secret that it makes; absent until a confirmation was accepted. */
  readonly peer: QueuePeer | undefined
  readonly securing: Securing
}

export interface QueuePeer {
  readonly key: Bytes
  readonly secret: Bytes
}

/** design.md, N6: X25519 from version 7 on, whose authenticators prove nothing to a third party, Ed25519 before. */
export type SenderKey = KeyPair<"x25519"> | KeyPair<"ed25519">

/** The other side's queue, to send to. */
export interface SendQueue {
  readonly info: QueueInfo
  /** Authorizes our commands; chosen when it is known for the first time which version the server speaks, and never again. */
  readonly authKey: SenderKey | undefined
  readonly dhKey: KeyPair<"x25519">
  readonly secret: Bytes
  /** Whether our key is set on the queue. */
  readonly secured: boolean
}

function senderKeyOf(der: Bytes): SenderKey {
  const key = decodePrivateKey(der, ["x25519", "ed25519"])
  return key.alg === "x25519"
    ? new StoredPair(privateKeyOf(der, "x25519"))
    : new StoredPair(privateKeyOf(der, "ed25519"))
}

/** Nothing stands for a key that is not chosen yet. */
const chosenSenderKey: Codec<SenderKey | undefined> = mapped(
  shortBytes,
  (der, fail) => (der.length === 0 ? undefined : pairFrom(der, senderKeyOf, fail)),
  (key) => (key === undefined ? new Uint8Array(0) : encodePrivateKey(key.privateKey)),
)
const ed25519Pair = keyPair("ed25519")
const x25519Pair = keyPair("x25519")
const secret = fixed(32)

export const newQueue: Codec<NewQueue> = struct({
  server: serverAddress,
  recipientKey: ed25519Pair,
  serverDhKey: x25519Pair,
  dhKey: x25519Pair,
})

/** One letter for each value of a union of names. */
export function letters<T extends string>(values: Readonly<Record<T, string>>): Codec<T> {
  return {
    write: (w, v) => {
      w.u8(values[v].charCodeAt(0))
    },
    read: (r) => {
      const letter = String.fromCharCode(r.u8())
      for (const [value, known] of Object.entries(values)) if (known === letter) return value as T
      return r.fail("an unknown letter")
    },
  }
}

const queueMode: Codec<QueueMode> = letters<QueueMode>({ messaging: "M", contact: "C" })

const securing: Codec<Securing> = {
  write: (w, v) => {
    w.u8(v.type.charCodeAt(0))
    if (v.type === "pending") authPublicKey.write(w, v.senderKey)
  },
  read: (r) => {
    switch (String.fromCharCode(r.u8())) {
      case "n":
        return { type: "none" }
      case "p":
        return { type: "pending", senderKey: authPublicKey.read(r) }
      case "d":
        return { type: "done" }
      default:
        return r.fail("an unknown state of a queue")
    }
  },
}

export const receiveQueue: Codec<ReceiveQueue> = struct({
  server: serverAddress,
  recipientId: shortBytes,
  senderId: shortBytes,
  mode: optional(queueMode),
  recipientKey: ed25519Pair,
  serverSecret: secret,
  dhKey: x25519Pair,
  peer: optional(struct<QueuePeer>({ key: secret, secret })),
  securing,
})

export const sendQueue: Codec<SendQueue> = struct({
  info: queueInfo,
  authKey: chosenSenderKey,
  dhKey: x25519Pair,
  secret,
  secured: bool,
})
