import { hybridOf } from "@smpkit/ratchet"
import { type Connection, receiveQueueOf, type Session } from "./connection.ts"
import type { Conversation } from "./conversation.ts"
import { serverText } from "./failures.ts"
import type { PostQuantumSetting } from "./post-quantum/setting.ts"
import type { RatchetSync } from "./resynchronize/state.ts"

/** How a queue of a connection stands. */
export interface QueueDescription {
  readonly server: string
  /**
   * `new` or, once keys are agreed, `confirmed` (own), `new` or `secured` (the other side's). Of a queue that moves besides: `offered`, `securing` and `using` are steps of an
   * own new one, after which the old one is `draining`; `asked`, `answered` and `testing` those of the other side's new one.
   */
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
    readonly setting: PostQuantumSetting
    /** Whether a KEM secret is in the keys of what goes out, and of what comes in. */
    readonly sending: boolean
    readonly receiving: boolean
  }
  /** The queue in use, and another one while it moves. */
  readonly receiveQueues: readonly QueueDescription[]
  readonly sendQueues: readonly QueueDescription[]
  readonly ratchet: RatchetSync
  /** Items stored for sending that the server has not kept yet. */
  readonly unsent: number
}

export function describe(conversation: Conversation): ConnectionDescription {
  const { connection: c, moves } = conversation
  const own = moves.receive
  const theirs = moves.send.move
  const receive = receiveQueueOf(c)
  const send = "send" in c ? c.send : undefined
  const ratchet = sessionOf(conversation)?.ratchet
  return {
    connectionId: c.id,
    mode: c.state === "address" ? "contact" : "invitation",
    status: c.state,
    verified: c.verified,
    postQuantum: { setting: c.postQuantum, ...(ratchet === undefined ? notHybrid : hybridOf(ratchet)) },
    receiveQueues: [
      ...(receive === undefined
        ? []
        : [{ server: serverText(receive.server), status: receive.peer === undefined ? "new" : "confirmed" }]),
      ...(own === undefined ? [] : [{ server: serverText(own.queue.server), status: own.state }]),
    ],
    sendQueues: [
      ...(send === undefined
        ? []
        : [{ server: serverText(send.info.server), status: send.secured ? "secured" : "new" }]),
      ...(theirs === undefined
        ? []
        : [{ server: serverText(theirs.queue.info.server), status: theirs.state }]),
    ],
    ratchet: c.ratchetSync,
    unsent: conversation.unsent,
  }
}

const notHybrid = { sending: false, receiving: false }

/** The session of a connection, which is part of the first confirmation before the application has chosen. */
export function sessionOf({
  connection: c,
  session,
}: {
  readonly connection: Connection
  readonly session: Session | undefined
}): Session | undefined {
  return c.state === "requested" ? c.confirmations[0].session : session
}
