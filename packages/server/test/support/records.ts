import type { Bytes } from "@smpkit/codec"
import { generateKeyPair, type Random } from "@smpkit/crypto"
import type { QueueRecord, StoredMessage } from "../../src/queue.ts"
import { type StoredKey, storedKey } from "../../src/stored-key.ts"

export function anyKey(random: Random): StoredKey {
  return storedKey(generateKeyPair("ed25519", random).publicKey)
}

export function anyRecord(random: Random, changes: Partial<QueueRecord> = {}): QueueRecord {
  return {
    recipientId: random.bytes(24),
    senderId: random.bytes(24),
    recipientKey: anyKey(random),
    secret: random.bytes(32),
    mode: "messaging",
    senderKey: undefined,
    linkId: undefined,
    status: "active",
    full: false,
    epoch: 0,
    usedDay: 0,
    ...changes,
  }
}

export function anyMessage(
  random: Random,
  body: Bytes = random.bytes(16_000),
): StoredMessage & { readonly type: "message" } {
  return { type: "message", msgId: random.bytes(24), time: 1_700_000_000, notification: true, body }
}
