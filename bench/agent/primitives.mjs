import { rawCrypto } from "../limits/raw-crypto.mjs"
import { rawLmdb } from "../limits/raw-disk.mjs"
import { cpuTime } from "../ratchet/cpu-time.mjs"
import { primitiveTimes } from "../ratchet/primitives.mjs"
import { aesGcmOpen, aesGcmSeal } from "../ratchet/workspace.mjs"
import {
  authorize,
  blockChains,
  BlockOpener,
  BlockSealer,
  boxKey,
  generateKeyPair,
  openMessageBody,
  sealMessageBody,
  systemRandom as random,
} from "../workspace.mjs"

/** What is sealed in a store is padded to such sizes: the message at both ends, and ratchet, hashes and head that change with it. */
const storedSizes = [16_384, 16_384, 4_096, 4_096, 2_048, 128]
/** One message to a flush: a connection that is alone shares it with nobody. */
const toAFlush = 1

/**
 * What one message cannot do without from one agent to the other, in milliseconds of CPU of all three processes: ratchet, the boxes of queue and server, authorization, blocks
 * and flushes as if none was shared, TLS, the three stores and what the agents seal in theirs. `turn` is that of a message that begins a new chain.
 */
export async function primitives(postQuantum, count, { body, rawTls, dir }) {
  const ratchet = primitiveTimes(postQuantum, count)
  const tls = await tlsTime(rawTls, count)
  const { cpuMsPerMessage: lmdb } = await rawLmdb(dir, count, toAFlush)
  const rest = rawCrypto(count, body) + endsTime(count, body) + storeTime(count) + tls + 3 * lmdb
  return {
    messageMs: rest + ratchet.encryptMs + ratchet.decryptMs,
    turnMs: rest + ratchet.encryptMs + ratchet.stepMs,
  }
}

/** Five blocks between two processes, at both ends. */
async function tlsTime(rawTls, count) {
  const before = process.cpuUsage()
  const { cpuMsPerMessage } = await rawTls.fiveBlocks(count, 4)
  const { user, system } = process.cpuUsage(before)
  return cpuMsPerMessage + (user + system) / 1000 / count
}

/** What `rawCrypto` leaves to the agents: SEND authorized and sealed, MSG opened, the box of the queue made and opened, ACK signed and sealed, two answers opened. */
function endsTime(count, size) {
  const session = generateKeyPair("x25519", random)
  const senderKey = generateKeyPair("x25519", random)
  const recipientKey = generateKeyPair("ed25519", random)
  const key = boxKey(random.bytes(32))
  const corrId = random.bytes(24)
  const body = random.bytes(size)
  const ack = random.bytes(120)
  const { clientToServer, serverToClient } = blockChains(random.bytes(32), random.bytes(32))
  const outgoing = new BlockSealer(clientToServer)
  const server = new BlockSealer(serverToClient)
  const incoming = new BlockOpener(serverToClient)
  const message = { type: "message", time: 0, notification: false, body }
  const sealed = sealMessageBody(key, corrId, message)
  const blocks = Array.from({ length: 3 * count }, (_, i) => server.seal(i % 3 === 1 ? sealed : corrId))
  return cpuTime(count, (i) => {
    const boxed = sealMessageBody(key, corrId, message)
    authorize(senderKey, session.publicKey, corrId, boxed)
    outgoing.seal(boxed)
    for (const block of blocks.slice(3 * i, 3 * i + 3)) incoming.open(block)
    openMessageBody(key, corrId, sealed)
    openMessageBody(key, corrId, sealed)
    authorize(recipientKey, session.publicKey, corrId, ack)
    outgoing.seal(ack)
  })
}

/** The records of both agents, sealed; opened they are only at a start. */
function storeTime(count) {
  const key = random.bytes(32)
  const nonce = random.bytes(12)
  const records = storedSizes.map((size) => random.bytes(size))
  const check = records.map((record) => aesGcmOpen(key, nonce, nonce, aesGcmSeal(key, nonce, nonce, record)))
  if (check.some((record, i) => record.length !== storedSizes[i]))
    throw new Error("a record that is not what it was")
  return cpuTime(count, () => {
    for (const record of records) aesGcmSeal(key, nonce, nonce, record)
  })
}
