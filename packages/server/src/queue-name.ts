/** An id as the key of a map: one character a byte, never shown. */
export type QueueName = string

export function queueName(id: Uint8Array): QueueName {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString("latin1")
}
