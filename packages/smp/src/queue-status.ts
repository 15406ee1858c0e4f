import { type Bytes, fromBase64Url, toBase64Url, WireError } from "@smpkit/codec"

// encoding.md, "JSON fragments that appear on the SMP wire", "Queue info".

/** How a queue is subscribed to. */
export type SubscriptionState = "noSub" | "subPending" | "subThread" | "prohibitSub"

/** What QUE tells about a queue. */
export interface QueueStatus {
  /** Whether a sender key is set. */
  readonly secured: boolean
  /** Whether the queue has a notifier. */
  readonly notifier: boolean
  /** How many messages wait. */
  readonly size: number
  readonly subscription?: { readonly state: SubscriptionState; readonly delivered?: Bytes }
  /** The message that waits longest; `time` in seconds. */
  readonly message?: { readonly msgId: Bytes; readonly time: number; readonly type: "message" | "quota" }
}

/** The JSON of INFO. */
export function formatQueueStatus({ secured, notifier, size, subscription, message }: QueueStatus): string {
  return JSON.stringify({
    qiSnd: secured,
    qiNtf: notifier,
    ...(subscription && {
      qiSub: {
        qSubThread: subscription.state,
        ...(subscription.delivered && { qDelivered: toBase64(subscription.delivered) }),
      },
    }),
    qiSize: size,
    ...(message && {
      qiMsg: {
        msgId: toBase64(message.msgId),
        msgTs: new Date(message.time * 1000).toISOString().replace(".000Z", "Z"),
        msgType: message.type,
      },
    }),
  })
}

/** Reads the JSON of INFO; members that are not known are ignored. Throws `WireError`. */
export function parseQueueStatus(json: string): QueueStatus {
  const info = objectOf(parseJson(json)) ?? fail()
  const subscription = parseSubscription(info["qiSub"])
  const message = parseMessage(info["qiMsg"])
  return {
    secured: booleanOf(info["qiSnd"]),
    notifier: booleanOf(info["qiNtf"]),
    size: sizeOf(info["qiSize"]),
    ...(subscription && { subscription }),
    ...(message && { message }),
  }
}

const states: readonly SubscriptionState[] = ["noSub", "subPending", "subThread", "prohibitSub"]

function parseSubscription(value: unknown): QueueStatus["subscription"] {
  if (value === undefined || value === null) return undefined
  const { qSubThread, qDelivered } = objectOf(value) ?? fail()
  const state = states.find((one) => one === qSubThread) ?? fail()
  return qDelivered === undefined || qDelivered === null
    ? { state }
    : { state, delivered: bytesOf(qDelivered) }
}

function parseMessage(value: unknown): QueueStatus["message"] {
  if (value === undefined || value === null) return undefined
  const { msgId, msgTs, msgType } = objectOf(value) ?? fail()
  if (msgType !== "message" && msgType !== "quota") return fail()
  const time = typeof msgTs === "string" ? Math.floor(Date.parse(msgTs) / 1000) : Number.NaN
  return { msgId: bytesOf(msgId), time: Number.isFinite(time) ? time : fail(), type: msgType }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return fail()
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined
}

function booleanOf(value: unknown): boolean {
  return typeof value === "boolean" ? value : fail()
}

function sizeOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : fail()
}

/** Ids in JSON stand in the standard alphabet of base64. */
function bytesOf(value: unknown): Bytes {
  return typeof value === "string" && !/[-_]/.test(value)
    ? fromBase64Url(value.replaceAll("+", "-").replaceAll("/", "_"))
    : fail()
}

function toBase64(bytes: Bytes): string {
  return toBase64Url(bytes).replaceAll("-", "+").replaceAll("_", "/")
}

function fail(): never {
  throw new WireError("not the status of a queue", 0)
}
