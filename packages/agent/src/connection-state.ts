import { receiveQueueOf } from "./connection.ts"
import type { Conversation } from "./conversation.ts"
import { serverText } from "./failures.ts"

/** How a queue of a connection stands. */
export interface QueueDescription {
  readonly server: string
  readonly status: string
}

/** `connectionState` of rpc.md. */
export interface ConnectionDescription {
  readonly connectionId: string
  readonly mode: "invitation" | "contact"
  /** Name of the state: `address`, `resolving`, `requesting`, `new`, `invited`, `requested`, `accepted`, `joining`, `joined`, `waiting`, `greeting` or `connected`. */
  readonly status: string
  readonly verified: boolean
  readonly postQuantum: {
    readonly setting: "off" | "on"
    readonly sending: boolean
    readonly receiving: boolean
  }
  readonly receiveQueues: readonly QueueDescription[]
  readonly sendQueues: readonly QueueDescription[]
  readonly ratchet: "ok" | "allowed" | "required"
  /** Items stored for sending that the server has not kept yet. */
  readonly unsent: number
}

export function describe({ connection: c, outgoing }: Conversation): ConnectionDescription {
  const receive = receiveQueueOf(c)
  const send = "send" in c ? c.send : undefined
  return {
    connectionId: c.id,
    mode: c.state === "address" ? "contact" : "invitation",
    status: c.state,
    verified: c.verified,
    postQuantum: { setting: c.postQuantum, sending: false, receiving: false },
    receiveQueues:
      receive === undefined
        ? []
        : [{ server: serverText(receive.server), status: receive.peer === undefined ? "new" : "confirmed" }],
    sendQueues:
      send === undefined
        ? []
        : [{ server: serverText(send.info.server), status: send.secured ? "secured" : "new" }],
    ratchet: c.ratchetSync,
    unsent: outgoing.length,
  }
}
