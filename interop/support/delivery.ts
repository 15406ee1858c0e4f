import type { Bytes } from "@smpkit/codec"
import { boxKey } from "@smpkit/crypto"
import { type DeliveredMessage, type ReceivedMessage, sealMessageBody } from "@smpkit/smp"
import type { Vector } from "@smpkit/testkit"
import type { Recording } from "./recording.ts"

/** What a MSG delivers; `undefined` where its SEND is shortened and cannot be made again. */
export function deliveredBy(step: Vector, bodies: ReadonlyMap<number, Bytes>): ReceivedMessage | undefined {
  const msg = step.at("msg")
  const time = msg.at("time").number()
  if (msg.find("quota")?.boolean() === true) return { type: "quota", time }
  const body = bodies.get(msg.at("send").number())
  return body && { type: "message", time, notification: msg.at("flags").text() === "T", body }
}

/** The MSG that a step shortens (README of the recordings). `secret` is that of recipient and server, where it is not the recorded one. */
export function deliveryOf(
  recording: Recording,
  bodies: ReadonlyMap<number, Bytes>,
  step: Vector,
  secret?: Bytes,
): { readonly type: "MSG" } & DeliveredMessage {
  const message = deliveredBy(step, bodies)
  if (message === undefined) throw new Error(`${step.path} delivers a shortened body`)
  const { serverSecret: recorded } = recording.receiveQueue(recording.queue(step).at("senderId").text())
  const msgId = step.at("msg", "msgId").bytes()
  return { type: "MSG", msgId, body: sealMessageBody(boxKey(secret ?? recorded), msgId, message) }
}
