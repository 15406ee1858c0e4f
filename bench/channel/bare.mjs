// The limit of a channel in this process: its records as TCP and node:crypto alone give them, with nothing of a channel around. One key and a counter a direction.
import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto"
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { lastBlock } from "./wire.mjs"

const blockSize = 16_384
const contentSize = blockSize + 1
const tagSize = 16
const recordSize = contentSize + tagSize
const waitingBytes = 4 * blockSize
const key = createSecretKey(Buffer.alloc(32, 7))

class Counter {
  #nonce = Buffer.alloc(12)
  #number = 0

  next() {
    this.#nonce.writeUInt32BE(this.#number++, 8)
    return this.#nonce
  }
}

class BareSealer {
  #counter = new Counter()
  #content = Buffer.alloc(contentSize, 1)

  seal(block) {
    this.#content.set(block)
    const cipher = createCipheriv("aes-256-gcm", key, this.#counter.next())
    const ciphertext = cipher.update(this.#content)
    cipher.final()
    return [ciphertext, cipher.getAuthTag()]
  }
}

/** Calls `onBlock` with each block of a socket. */
function openRecords(socket, onBlock) {
  const counter = new Counter()
  const record = Buffer.alloc(recordSize)
  let filled = 0
  const open = (sealed) => {
    const decipher = createDecipheriv("aes-256-gcm", key, counter.next(), { authTagLength: tagSize })
    decipher.setAuthTag(sealed.subarray(contentSize))
    const content = decipher.update(sealed.subarray(0, contentSize))
    decipher.final()
    onBlock(content.subarray(0, blockSize))
  }
  socket.on("data", (chunk) => {
    let at = 0
    while (at < chunk.length) {
      if (filled === 0 && chunk.length - at >= recordSize) {
        open(chunk.subarray(at, at + recordSize))
        at += recordSize
        continue
      }
      const part = chunk.subarray(at, at + recordSize - filled)
      record.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < recordSize) continue
      filled = 0
      open(record)
    }
  })
}

/** Writes a record with what else is written in this tick. */
function writeRecord(socket, pieces) {
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  for (const piece of pieces) socket.write(piece)
}

/** A server that answers the last block of each series. Resolves with its port. */
export async function listenBare(host) {
  const server = createServer((socket) => {
    const sealer = new BareSealer()
    socket.on("error", () => socket.destroy())
    openRecords(socket, (block) => {
      if (block[0] === lastBlock) writeRecord(socket, sealer.seal(block))
    })
  })
  server.listen({ host, port: 0 })
  await once(server, "listening")
  return server.address().port
}

/** A connection that takes blocks as a channel does, and reads one. */
export async function connectBare(host, port) {
  const socket = connect({ host, port })
  await once(socket, "connect")
  const sealer = new BareSealer()
  const answer = new Promise((resolve) => openRecords(socket, resolve))
  return {
    write: async (block) => {
      writeRecord(socket, sealer.seal(block))
      if (socket.writableNeedDrain && socket.writableLength >= waitingBytes) await once(socket, "drain")
    },
    read: () => answer,
    close: async () => {
      const closed = once(socket, "close")
      socket.end()
      await closed
    },
  }
}
