import type { Bytes } from "@smpkit/codec"
import type { AgentErrorCode } from "./errors.ts"
import type { Integrity } from "./integrity.ts"
import type { RatchetSync } from "./resynchronize/state.ts"

/** What the agent tells the application, field by field as JSON-RPC has it, except that bytes are bytes and times are `Date`. */
export type AgentEvent =
  | {
      readonly type: "confirmation"
      readonly connectionId: string
      readonly confirmationId: string
      readonly info: Bytes
      /** Whether the other side takes part in post-quantum encryption. */
      readonly postQuantum: boolean
      readonly servers: readonly string[]
    }
  | {
      /** Somebody asks at an address: `connectionId` is the address. At most 100 wait for an answer, then the oldest go. */
      readonly type: "contactRequest"
      readonly connectionId: string
      readonly requestId: string
      readonly info: Bytes
      /** Whether the other side's versions know post-quantum encryption. */
      readonly postQuantum: boolean
      /** Where the one who asks would be answered. */
      readonly servers: readonly string[]
    }
  | { readonly type: "info"; readonly connectionId: string; readonly info: Bytes }
  | {
      readonly type: "connected"
      readonly connectionId: string
      /** Whether messages to the other side have a KEM secret in their keys. */
      readonly postQuantum: boolean
    }
  | MessageEvent
  | {
      readonly type: "sent"
      readonly connectionId: string
      readonly messageId: number
      readonly server: string
    }
  | {
      readonly type: "delivered"
      readonly connectionId: string
      readonly messageId: number
      readonly hashOk: boolean
    }
  | {
      readonly type: "failed"
      readonly connectionId: string
      readonly messageId: number
      readonly code: AgentErrorCode
      readonly message: string
      readonly server: string
    }
  | {
      readonly type: "ratchetSync"
      readonly connectionId: string
      /**
       * `required`: what the other side sends cannot be read any more. `started`: new keys were sent. `agreed`: new keys took the place of the old ones, and the
       * connection is not verified any more.
       */
      readonly state: RatchetSync
      /** With `agreed`: the security code before and from now on. */
      readonly oldCode?: string
      readonly newCode?: string
    }
  | {
      /** Whether a KEM secret is in the keys of what goes out and of what comes in: each change comes once, whether it began or ended. */
      readonly type: "postQuantumChanged"
      readonly connectionId: string
      readonly sending: boolean
      readonly receiving: boolean
    }
  | QueueSwitch
  | {
      readonly type: "serverUp" | "serverDown"
      readonly server: string
      readonly connectionIds: readonly string[]
    }
  | {
      readonly type: "closed"
      readonly connectionId: string
      readonly code: AgentErrorCode
      readonly message: string
    }
  | {
      readonly type: "error"
      readonly connectionId: string | undefined
      readonly code: AgentErrorCode
      readonly message: string
      readonly server: string | undefined
    }

/** A queue of the connection moves to another server, ours (`receive`) or the other side's (`send`). What ends it before `completed` is an `error` SWITCH_FAILED. */
export interface QueueSwitch {
  readonly type: "queueSwitched"
  readonly connectionId: string
  readonly direction: "receive" | "send"
  /**
   * `started`: the new queue is offered to the other side. `confirmed`: the sender's key is known. `secured`: it is set on the new queue. `completed`: messages go by
   * the new queue.
   */
  readonly phase: "started" | "confirmed" | "secured" | "completed"
  /** Of the new queue. */
  readonly server: string
}

export interface MessageEvent {
  readonly type: "message"
  readonly connectionId: string
  readonly messageId: number
  readonly body: Bytes
  /** The body as text where it is valid UTF-8. */
  readonly text: string | undefined
  /** When the server took it. */
  readonly brokerTime: Date
  readonly integrity: Integrity
  /** Whether a KEM secret was in its key. */
  readonly postQuantum: boolean
  /** It came before, was not acknowledged, and the agent was started again. */
  readonly redelivered: boolean
}
