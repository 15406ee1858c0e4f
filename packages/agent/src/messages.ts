import {
  type Bytes,
  type Codec,
  longBytes,
  nonEmptyList,
  optional,
  pair,
  type Reader,
  rest,
  safeInt64,
  shortBytes,
  struct,
  type Writer,
  bool,
} from "@smpkit/codec"
import { type AuthAlg, authPublicKey, type PublicKey } from "@smpkit/crypto"
import {
  type QueueInfo,
  queueInfo,
  type QueueUri,
  queueUri,
  type ServerAddress,
  serverAddress,
} from "@smpkit/smp"

/** A queue as its sender names it. */
export interface SenderQueue {
  readonly server: ServerAddress
  readonly senderId: Bytes
}

/** One confirmed message: the sender's own number and hash of it, which only its receiver can know. */
export interface Receipt {
  readonly sndMsgId: number
  readonly msgHash: Bytes
  readonly info: Bytes
}

/** What agents say to each other (agent-protocol.md, "Agent messages"). */
export type AgentMessage =
  | { readonly type: "HELLO" }
  | { readonly type: "A_MSG"; readonly body: Bytes }
  | { readonly type: "A_RCVD"; readonly receipts: readonly [Receipt, ...Receipt[]] }
  | { readonly type: "A_QCONT"; readonly queue: SenderQueue }
  | { readonly type: "QADD"; readonly queues: NonEmpty<readonly [QueueUri, SenderQueue | undefined]> }
  | { readonly type: "QKEY"; readonly queues: NonEmpty<readonly [QueueInfo, PublicKey<AuthAlg>]> }
  | { readonly type: "QUSE"; readonly queues: NonEmpty<readonly [SenderQueue, boolean]> }
  | { readonly type: "QTEST"; readonly queues: NonEmpty<SenderQueue> }
  | { readonly type: "EREADY"; readonly lastDecrypted: number }

type NonEmpty<T> = readonly [T, ...T[]]

/** What an `M` or `C` envelope, or an AgentRatchetKey, holds after decryption (agent-protocol.md, "Decrypted content"). */
export type AgentContent =
  | { readonly type: "AgentConnInfo"; readonly info: Bytes }
  | { readonly type: "AgentConnInfoReply"; readonly queues: NonEmpty<QueueInfo>; readonly info: Bytes }
  | { readonly type: "AgentRatchetInfo"; readonly info: Bytes }
  | {
      readonly type: "AgentMessage"
      readonly sndMsgId: number
      readonly prevMsgHash: Bytes
      readonly message: AgentMessage
    }

const senderQueue: Codec<SenderQueue> = struct({ server: serverAddress, senderId: shortBytes })
const receipt: Codec<Receipt> = struct({ sndMsgId: safeInt64, msgHash: shortBytes, info: longBytes })

const layouts = {
  HELLO: struct<object>({}),
  A_MSG: struct({ body: rest }),
  A_RCVD: struct({ receipts: nonEmptyList(receipt) }),
  A_QCONT: struct({ queue: senderQueue }),
  QADD: struct({ queues: nonEmptyList(pair(queueUri, optional(senderQueue))) }),
  QKEY: struct({ queues: nonEmptyList(pair(queueInfo, authPublicKey)) }),
  QUSE: struct({ queues: nonEmptyList(pair(senderQueue, bool)) }),
  QTEST: struct({ queues: nonEmptyList(senderQueue) }),
  EREADY: struct({ lastDecrypted: safeInt64 }),
}

const tags: Readonly<Record<AgentMessage["type"], string>> = {
  HELLO: "H",
  A_MSG: "M",
  A_RCVD: "V",
  A_QCONT: "QC",
  QADD: "QA",
  QKEY: "QK",
  QUSE: "QU",
  QTEST: "QT",
  EREADY: "E",
}

function writeTag(w: Writer, tag: string): void {
  for (const c of tag) w.u8(c.charCodeAt(0))
}

function readTag(r: Reader): AgentMessage["type"] {
  const first = String.fromCharCode(r.u8())
  const tag = first === "Q" ? first + String.fromCharCode(r.u8()) : first
  for (const [type, known] of Object.entries(tags)) if (known === tag) return type as AgentMessage["type"]
  return r.fail("an unknown agent message")
}

/** The message after the header; reading is exact where the unit ends with it. */
export const agentMessage: Codec<AgentMessage> = {
  write: (w, m) => {
    writeTag(w, tags[m.type])
    switch (m.type) {
      case "HELLO":
        return
      case "A_MSG":
        layouts.A_MSG.write(w, m)
        return
      case "A_RCVD":
        layouts.A_RCVD.write(w, m)
        return
      case "A_QCONT":
        layouts.A_QCONT.write(w, m)
        return
      case "QADD":
        layouts.QADD.write(w, m)
        return
      case "QKEY":
        layouts.QKEY.write(w, m)
        return
      case "QUSE":
        layouts.QUSE.write(w, m)
        return
      case "QTEST":
        layouts.QTEST.write(w, m)
        return
      case "EREADY":
        layouts.EREADY.write(w, m)
        return
      default:
        return m satisfies never
    }
  },
  read: (r) => {
    const type = readTag(r)
    return { type, ...layouts[type].read(r) } as AgentMessage
  },
}

const message = struct({ sndMsgId: safeInt64, prevMsgHash: shortBytes, message: agentMessage })
const infoReply = struct({ queues: nonEmptyList(queueInfo), info: rest })

/** Codec of decrypted content; `decode` it, so that nothing may follow. */
export const agentContent: Codec<AgentContent> = {
  write: (w, c) => {
    switch (c.type) {
      case "AgentConnInfo":
        writeTag(w, "I")
        rest.write(w, c.info)
        return
      case "AgentConnInfoReply":
        writeTag(w, "D")
        infoReply.write(w, c)
        return
      case "AgentRatchetInfo":
        writeTag(w, "R")
        rest.write(w, c.info)
        return
      case "AgentMessage":
        writeTag(w, "M")
        message.write(w, c)
        return
      default:
        return c satisfies never
    }
  },
  read: (r) => {
    const tag = String.fromCharCode(r.u8())
    switch (tag) {
      case "I":
        return { type: "AgentConnInfo", info: rest.read(r) }
      case "D":
        return { type: "AgentConnInfoReply", ...infoReply.read(r) }
      case "R":
        return { type: "AgentRatchetInfo", info: rest.read(r) }
      case "M":
        return { type: "AgentMessage", ...message.read(r) }
      default:
        return r.fail("unknown content")
    }
  },
}
