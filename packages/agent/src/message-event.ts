import { decodeUtf8 } from "@smpkit/codec"
import type { MessageEvent } from "./events.ts"
import type { Incoming } from "./records.ts"

/** The event of a stored message. */
export function messageEvent(connectionId: string, incoming: Incoming, redelivered: boolean): MessageEvent {
  const { messageId, body, integrity, brokerTime, postQuantum } = incoming
  return {
    type: "message",
    connectionId,
    messageId,
    body,
    text: decodeUtf8(body),
    brokerTime: new Date(brokerTime * 1000),
    integrity,
    postQuantum,
    redelivered,
  }
}
