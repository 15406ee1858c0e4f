import { type Bytes, utf8 } from "@smpkit/codec"
import { dh, equalBytes, generateKeyPair, type PublicKey, sha256 } from "@smpkit/crypto"
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
  // What the answer needs, and not the block: many may wait.
  const { authKey, dhKey, subscribe, queueMode, linkData } = command
  const { corrId, entityId } = transmission
  const to = { corrId, entityId }
  const usableLink = linkData?.linkId === undefined || linkData.linkId.length === idSize
  if (!usableLink || !(await connection.mayCreate())) {
    connection.answer(to, auth)
    return
  }
  let made: NewQueue | undefined
  try {
    made = await storeNew(core, connection, { authKey, dhKey, subscribe, queueMode, linkData })
  } finally {
    if (made === undefined) connection.notCreated()
  }
  if (made === undefined) {
    // The client's own ids are taken; ours would be a miracle.
    connection.answer(to, linkData === undefined ? { type: "ERR", error: { type: "INTERNAL" } } : auth)
    return
  }
  const { record, serverDhKey } = made
  connection.created(record, subscribe)
  connection.answer(to, {
    type: "IDS",
    recipientId: record.recipientId,
    senderId: record.senderId,
    serverDhKey,
    queueMode,
    linkId: record.linkId,
    serviceId: undefined,
    notifier: undefined,
  })
}

type Wanted = Pick<NewRequest["command"], "authKey" | "dhKey" | "subscribe" | "queueMode" | "linkData">

interface NewQueue {
  readonly record: QueueRecord
  readonly serverDhKey: PublicKey<"x25519">
}

/** `undefined` when ids that nobody has do not come up; ids that the client chose are tried once. */
async function storeNew(
  core: ServerCore,
  connection: Connection,
  wanted: Wanted,
): Promise<NewQueue | undefined> {
  const tries = wanted.linkData === undefined ? attempts : 1
  for (let attempt = 0; attempt < tries; attempt++) {
    const [made] = await core.turns.each(connection, [wanted], (w) => newQueue(core, w))
    if (made !== undefined && (await core.store.create(made.record, wanted.linkData))) return made
  }
  return undefined
}

function newQueue({ random, clock }: ServerCore, wanted: Wanted): NewQueue {
  const { authKey, dhKey, subscribe, queueMode, linkData } = wanted
  const recipientId = random.bytes(idSize)
  const senderId = linkData?.senderId ?? random.bytes(idSize)
  const linkId = linkData && (linkData.linkId ?? random.bytes(idSize))
  const { publicKey, privateKey } = generateKeyPair("x25519", random)
  const secret: Bytes = dh(privateKey, dhKey)
  privateKey[Symbol.dispose]()
  const record: QueueRecord = {
    recipientId,
    senderId,
    recipientKey: storedKey(authKey),
    secret,
    mode: queueMode,
    senderKey: undefined,
    linkId,
    status: "active",
    full: false,
    epoch: subscribe ? 1 : 0,
    usedDay: dayOf(clock.now()),
  }
  return { record, serverDhKey: publicKey }
}

// Hashes have one length, so that the comparison tells nothing about that of the password.
function isAllowed({ enabled, password }: CreationPolicy, presented: string | undefined): boolean {
  if (!enabled) return false
  return password === undefined || equalBytes(sha256(utf8(password)), sha256(utf8(presented ?? "")))
}
