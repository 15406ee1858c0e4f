import { type BrokerMessage, maxBodyLength, type QueueMessage } from "@smpkit/smp"
import type { Connection } from "../connection.ts"
import type { ServerCore } from "../core.ts"
import { send, type SendRules } from "../queue.ts"
import type { QueueRequest } from "../request.ts"
import type { StoredKey } from "../stored-key.ts"
import { refuse, refuseAuth } from "./answers.ts"

const ok: BrokerMessage = { type: "OK" }
const msgIdSize = 24

/** SEND (smp-commands.md, "SEND", "Quota"): kept before it is answered, then pushed to the subscriber where nothing waited before it. */
export async function sendMessage(
  core: ServerCore,
  connection: Connection,
  { transmission }: QueueRequest,
  { body, notification }: QueueMessage,
  verifiedKey: StoredKey | undefined,
): Promise<void> {
  if (body.length > maxBodyLength(connection.version)) {
    refuse(connection, transmission, { type: "LARGE_MSG" })
    return
  }
  if (core.isFull()) {
    refuse(connection, transmission, { type: "QUOTA" })
    return
  }
  const time = Math.floor(core.clock.now() / 1000)
  const message = { type: "message", msgId: core.random.bytes(msgIdSize), time, notification, body } as const
  const rules: SendRules = {
    quota: core.limits.quota,
    expireBefore: core.expireOnSend && core.messageTtl !== undefined ? time - core.messageTtl : undefined,
  }
  const step = send(message, verifiedKey, rules)
  const key = { party: "sender", id: transmission.entityId } as const
  let result = await core.store.apply(key, step)
  while (result?.type === "again") result = await core.store.apply(key, step)
  if (result === undefined) {
    refuseAuth(connection, transmission)
    return
  }
  if (result.type === "ERR") {
    connection.answer(transmission, result)
    return
  }
  connection.answer(transmission, ok)
  if (result.first) core.subscribers.stored(result.record, message)
}
