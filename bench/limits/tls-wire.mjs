// What the two sides of the raw TLS measurement say to each other, in blocks as large as SMP's.

const blockSize = 16_384

/** The first byte of a block. The second is the number of its pair of connections. */
export const kind = {
  /** This connection receives for its pair. */
  receiver: 1,
  /** As SEND: one block back to the sender, as OK, and one to the receiver, as MSG. */
  send: 2,
  /** As ACK: one block back, as OK. */
  ack: 3,
  /** Only forwarded to the receiver, as if all answers had found room in other blocks. */
  forward: 4,
  ok: 5,
  message: 6,
}

export function block(type, pair) {
  const bytes = Buffer.alloc(blockSize, 0x5a)
  bytes[0] = type
  bytes[1] = pair
  return bytes
}

/** Calls `onBlock(kind, pair)` when a block has come whole; chunks may split anywhere. Nothing is copied. */
export function readBlocks(socket, onBlock) {
  let filled = 0
  let type = 0
  let pair = 0
  socket.on("data", (chunk) => {
    let at = 0
    while (at < chunk.length) {
      if (filled === 0) type = chunk[at]
      if (filled <= 1 && chunk.length > at + 1 - filled) pair = chunk[at + 1 - filled]
      const part = Math.min(blockSize - filled, chunk.length - at)
      filled += part
      at += part
      if (filled === blockSize) {
        filled = 0
        onBlock(type, pair)
      }
    }
  })
}
