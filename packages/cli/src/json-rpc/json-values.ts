import { type Bytes, toBase64Url } from "@smpkit/codec"
import type { AgentEvent, ConnectionDescription } from "../agent-port.ts"

// rpc.md, "Values": bytes become base64url without padding in fields ending in `Base64`, times ISO 8601 with milliseconds.

/** The `params` of an event notification. */
export function eventJson(event: AgentEvent): object {
  switch (event.type) {
    case "confirmation":
    case "contactRequest":
    case "info": {
      const { info, ...rest } = event
      return { ...rest, infoBase64: base64(info) }
    }
    case "message": {
      const { body, text, redelivered, ...rest } = event
      return {
        ...rest,
        bodyBase64: base64(body),
        ...(text === undefined ? {} : { text }),
        ...(redelivered ? { redelivered } : {}),
      }
    }
    case "connected":
    case "sent":
    case "delivered":
    case "failed":
    case "ratchetSync":
    case "postQuantumChanged":
    case "queueSwitched":
    case "serverUp":
    case "serverDown":
    case "closed":
    case "error":
      return event
    default:
      return event satisfies never
  }
}

/** A connection's state with the members of rpc.md and no other. */
export function connectionJson(state: ConnectionDescription): object {
  const { connectionId, mode, status, verified, postQuantum, receiveQueues, sendQueues, ratchet, unsent } =
    state
  return { connectionId, mode, status, verified, postQuantum, receiveQueues, sendQueues, ratchet, unsent }
}

function base64(bytes: Bytes): string {
  return toBase64Url(bytes, { padded: false })
}
