// What the two sides of the channel's measurement say to each other.

/** First byte of a block that is answered; others are only read. */
export const lastBlock = 1

export function block(first) {
  const bytes = new Uint8Array(16_384).fill(0x5a)
  bytes[0] = first
  return bytes
}
