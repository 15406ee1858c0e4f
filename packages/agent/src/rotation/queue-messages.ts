import { equalBytes } from "@smpkit/crypto"
import { sameServer } from "@smpkit/smp"
import { AgentError } from "../errors.ts"
import type { AgentMessage, SenderQueue } from "../messages.ts"

/** One of the messages of queue rotation. */
export type QueueMessage<T extends "QADD" | "QKEY" | "QUSE" | "QTEST" = "QADD" | "QKEY" | "QUSE" | "QTEST"> =
  Extract<AgentMessage, { readonly type: T }>

export function isQueue(a: SenderQueue, b: SenderQueue): boolean {
  return sameServer(a.server, b.server) && equalBytes(a.senderId, b.senderId)
}

/** Throws `AgentError A_QUEUE`. */
export function refuse(why: string): never {
  throw new AgentError("A_QUEUE", `The other side moves a queue in a way that is not accepted: ${why}.`)
}
