import type { OutgoingItem } from "../changes.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { withdrawOffer } from "./receiving-side.ts"
import { abandonMove } from "./sending-side.ts"

/** A message of queue rotation will never be kept, so its move cannot go on. */
export async function failedMessage(
  context: Context,
  conversation: Conversation,
  { type }: OutgoingItem,
  why: string,
): Promise<void> {
  const { receive, send } = conversation.moves
  if ((type === "QADD" || type === "QUSE") && receive !== undefined && receive.state !== "draining")
    await withdrawOffer(context, conversation, receive, why)
  if (type === "QKEY" && send.move?.state === "answered") await abandonMove(context, conversation, why)
}
