import { type Bytes, utf8 } from "@smpkit/codec"
import { dh, equalBytes, generateKeyPair, sha256 } from "@smpkit/crypto"
import type { BrokerMessage } from "@smpkit/smp"
import type { Authorizer, SessionKeys } from "../authorize.ts"
import type { Connection } from "../connection.ts"
import type { ServerCore } from "../core.ts"
import { dayOf, type QueueRecord } from "../queue.ts"
import type { NewRequest } from "../request.ts"
import { storedKey } from "../stored-key.ts"

/** Who may create queues. */
export interface CreationPolicy {
  readonly enabled: boolean
  /** What NEW has to bring; `undefined` for nothing. */
  readonly password: string | undefined
}

const idSize = 24
const attempts = 4
const auth: BrokerMessage = { type: "ERR", error: { type: "AUTH" } }

/** Whether a NEW is authorized by its own key and may be asked for at all. */
export function mayAsk(
  authorizer: Authorizer,
  creation: CreationPolicy,
  keys: SessionKeys,
  { command, transmission }: NewRequest,
): boolean {
  return (
    authorizer.verified(storedKey(command.authKey), transmission, keys) &&
    isAllowed(creation, command.basicAuth)
  )
}

/** NEW (smp-commands.md, "NEW / IDS"). All refusals are `AUTH`, also those of limits: the wire has no other word for them. */
export async function createQueue(
  core: ServerCore,
  connection: Connection,
  { command, transmission }: NewRequest,
): Promise<void> {
  if (!connection.mayCreate()) {
    connection.answer(transmission, auth)
    return
  }
  for (let attempt = 0; attempt < attempts; attempt++) {
    const recipientId = core.random.bytes(idSize)
    const senderId = core.random.bytes(idSize)
    const serverKey = generateKeyPair("x25519", core.random)
    const secret: Bytes = dh(serverKey.privateKey, command.dhKey)
    serverKey.privateKey[Symbol.dispose]()
    const record: QueueRecord = {
      recipientId,
      senderId,
      recipientKey: storedKey(command.authKey),
      secret,
      mode: command.queueMode,
      senderKey: undefined,
      status: "active",
      full: false,
      epoch: command.subscribe ? 1 : 0,
      usedDay: dayOf(core.clock.now()),
    }
    if (!(await core.store.create(record))) continue
    connection.created(record, command.subscribe)
    connection.answer(transmission, {
      type: "IDS",
      recipientId,
      senderId,
      serverDhKey: serverKey.publicKey,
      queueMode: command.queueMode,
      linkId: undefined,
      serviceId: undefined,
      notifier: undefined,
    })
    return
  }
  connection.answer(transmission, { type: "ERR", error: { type: "INTERNAL" } })
}

// Hashes have one length, so that the comparison tells nothing about that of the password.
function isAllowed({ enabled, password }: CreationPolicy, presented: string | undefined): boolean {
  if (!enabled) return false
  return password === undefined || equalBytes(sha256(utf8(password)), sha256(utf8(presented ?? "")))
}
