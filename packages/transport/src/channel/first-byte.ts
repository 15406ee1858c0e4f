// channel.md, "Carriers".

/** What a client may speak on a port that several protocols share. */
export type CarriedProtocol = "channel" | "tls" | "http"

/** What a connection speaks, by its first byte; `undefined` for what is to be closed. */
export function protocolOf(firstByte: number): CarriedProtocol | undefined {
  if (firstByte === 0xf5) return "channel"
  if (firstByte === 0x16) return "tls"
  // The first letter of a method.
  return firstByte >= 0x41 && firstByte <= 0x5a ? "http" : undefined
}
