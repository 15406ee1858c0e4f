import type { Bytes } from "@smpkit/codec"
import { type AuthAlg, decodePublicKey, generateKeyPair, type PrivateKey, type Random } from "@smpkit/crypto"
import { authorizationKind, signedBytes, type Transmission, verifyAuthorization } from "@smpkit/smp"
import { type QueueRecord, senderMaySecure } from "./queue.ts"
import { isPublicLink } from "./queue-link.ts"
import type { QueueCommand } from "./request.ts"
import { type StoredKey, storedKey, storedKeyAlg } from "./stored-key.ts"

export type Verify = typeof verifyAuthorization

/** What the session adds to a verification. */
export interface SessionKeys {
  readonly sessionId: Bytes
  readonly serverSessionPrivate: PrivateKey<"x25519"> | undefined
}

/**
 * Decides whether a command may run (smp-commands.md §2, §3). All causes of `AUTH` take one path (security.md Q22): one verification of the
 * presented kind, with a dummy key where the queue has none of that kind or where there is no queue.
 */
export class Authorizer {
  readonly #dummies: Readonly<Record<AuthAlg, StoredKey>>
  readonly #verify: Verify

  constructor(random: Random, verify: Verify = verifyAuthorization) {
    const dummy = (alg: AuthAlg): StoredKey => storedKey(generateKeyPair(alg, random).publicKey)
    this.#dummies = { ed25519: dummy("ed25519"), ed448: dummy("ed448"), x25519: dummy("x25519") }
    this.#verify = verify
  }

  /** Whether a command on a queue is authorized and the queue's rules allow it to this party; false is `AUTH`. */
  allows(
    command: QueueCommand,
    record: QueueRecord | undefined,
    transmission: Transmission,
    session: SessionKeys,
  ): boolean {
    const verified = this.verified(keyFor(command, record), transmission, session)
    return verified && record !== undefined && permitted(command, record)
  }

  /** Whether a transmission is authorized by exactly this key, or has no authorization where there is no key. */
  verified(key: StoredKey | undefined, transmission: Transmission, session: SessionKeys): boolean {
    const kind = authorizationKind(transmission.authorization)
    switch (kind) {
      case "none":
        return key === undefined
      case "invalid":
        return false
      case "ed25519":
      case "ed448":
      case "x25519": {
        const fits = key !== undefined && storedKeyAlg(key) === kind
        const publicKey = decodePublicKey<AuthAlg>(fits ? key : this.#dummies[kind])
        const signed = signedBytes(session.sessionId, transmission)
        const valid = this.#verify(
          publicKey,
          transmission.authorization,
          session.serverSessionPrivate,
          transmission.corrId,
          signed,
        )
        return valid && fits
      }
      default:
        return kind satisfies never
    }
  }
}

function keyFor(command: QueueCommand, record: QueueRecord | undefined): StoredKey | undefined {
  switch (command.type) {
    case "SKEY":
    case "LKEY":
      return storedKey(command.senderKey)
    case "SEND":
      return record?.senderKey
    case "LGET":
      return undefined
    case "SUB":
    case "KEY":
    case "ACK":
    case "GET":
    case "OFF":
    case "DEL":
    case "QUE":
    case "LSET":
    case "LDEL":
      return record?.recipientKey
    default:
      return command satisfies never
  }
}

// What a stranger could find out by trying is decided here, from the same reading as the authorization; the step in the store decides again.
function permitted(command: QueueCommand, record: QueueRecord): boolean {
  switch (command.type) {
    case "SKEY":
    case "LKEY":
      return senderMaySecure(record, storedKey(command.senderKey))
    case "LGET":
      return isPublicLink(record)
    case "SEND":
      return record.status === "active"
    case "SUB":
    case "KEY":
    case "ACK":
    case "GET":
    case "OFF":
    case "DEL":
    case "QUE":
    case "LSET":
    case "LDEL":
      return true
    default:
      return command satisfies never
  }
}
