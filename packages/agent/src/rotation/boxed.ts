import type { Bytes } from "@smpkit/codec"
import { boxKey, boxNonceSize, type Random } from "@smpkit/crypto"
import { openClientMessage, parseClientEnvelope, sealClientMessage } from "@smpkit/smp"
import type { SendQueue } from "../queues.ts"
import type { Outgoing } from "../records.ts"
import type { SendSide } from "./move-tables.ts"

/** The body of SEND for an item: one that was sealed for the queue before is taken out of that box and put into the box of this one, the ratchet's message in it as it was. */
export function boxed(
  { type, sndMsgId, body }: Outgoing,
  { formerBox }: SendSide,
  queue: SendQueue,
  random: Random,
): Bytes {
  // QTEST was made for this queue.
  if (formerBox === undefined || sndMsgId > formerBox.upTo || type === "QTEST") return body
  const { version } = parseClientEnvelope(body)
  const message = openClientMessage(boxKey(formerBox.secret), parseClientEnvelope(body))
  return sealClientMessage(
    boxKey(queue.secret),
    { version, senderKey: undefined, nonce: random.bytes(boxNonceSize) },
    message,
  )
}
