import type { Bytes } from "@smpkit/codec"
import type { BrokerMessage, ProtocolError } from "@smpkit/smp"

/** What a server says unasked about a queue. */
export type ServerMessage =
  | { readonly type: "MSG"; readonly msgId: Bytes; readonly body: Bytes }
  | { readonly type: "END" }
  | { readonly type: "DELD" }
  | { readonly type: "ERR"; readonly error: ProtocolError }

/** A message of a server without a request that it answers. */
export interface ServerEvent {
  /** The queue's recipient id. */
  readonly entityId: Bytes
  readonly message: ServerMessage
}

export function isServerMessage(message: BrokerMessage): message is ServerMessage {
  return ["MSG", "END", "DELD", "ERR"].includes(message.type)
}
