import { agreedVersion, type Bytes, concatBytes, includesVersion, toBase64Url } from "@smpkit/codec"
import { dh, generateKeyPair, type KeyPair, type Random, sha256 } from "@smpkit/crypto"
import {
  e2eVersions,
  generateX3dhKeys,
  initReceivingRatchet,
  initSendingRatchet,
  RatchetError,
  type RatchetParameters,
  ratchetParametersUriOf,
  ratchetReplyOf,
  type RatchetState,
  x3dhInitiator,
  x3dhJoiner,
  type X3dhKeys,
} from "@smpkit/ratchet"
import {
  clientVersions,
  type QueueInfo,
  queueInfoOf,
  type QueueMode,
  type QueueUri,
  type ServerAddress,
} from "@smpkit/smp"
import type { Confirmation } from "./connection.ts"
import type { AgentEnvelope } from "./envelopes.ts"
import { AgentError } from "./errors.ts"
import type { ConnectionLink } from "./links.ts"
import { decryptContent, type QueueMessage } from "./open.ts"
import { type PostQuantumSetting, takesPart } from "./post-quantum/setting.ts"
import type { NewQueue, ReceiveQueue, SendQueue } from "./queues.ts"
import { agentVersions } from "./version.ts"

// agent-protocol.md, "Connection procedures": the values that the two sides make, without network and store.

/** Keys for a queue that is about to be asked for. */
export function makeQueueKeys(server: ServerAddress, random: Random): NewQueue {
  return {
    server,
    recipientKey: generateKeyPair("ed25519", random),
    serverDhKey: generateKeyPair("x25519", random),
    dhKey: generateKeyPair("x25519", random),
  }
}

/** The queue that IDS describes. */
export function queueOf(
  { server, recipientKey, serverDhKey, dhKey }: NewQueue,
  ids: {
    readonly recipientId: Bytes
    readonly senderId: Bytes
    readonly serverDhKey: Parameters<typeof dh<"x25519">>[1]
    readonly queueMode: QueueMode | undefined
  },
): ReceiveQueue {
  return {
    server,
    recipientId: ids.recipientId,
    senderId: ids.senderId,
    mode: ids.queueMode,
    recipientKey,
    serverSecret: dh(serverDhKey.privateKey, ids.serverDhKey),
    dhKey,
    peer: undefined,
    securing: { type: "none" },
  }
}

/** The address of an own queue, for its sender. */
export function addressOf({
  server,
  senderId,
  dhKey,
  mode,
}: Pick<ReceiveQueue, "server" | "senderId" | "dhKey" | "mode">): QueueUri {
  const { hosts, port, keyHash } = server
  return {
    versions: clientVersions,
    server: { hosts, port, keyHash },
    senderId,
    dhKey: dhKey.publicKey,
    mode,
  }
}

/** The link of an invitation, with the KEM key if its keys have one. */
export function invitationLink(queue: Parameters<typeof addressOf>[0], keys: X3dhKeys): ConnectionLink {
  return {
    type: "invitation",
    versions: agentVersions,
    queues: [addressOf(queue)],
    clientData: undefined,
    parameters: ratchetParametersUriOf(keys),
  }
}

/** What a joiner makes of a link, once; every attempt to join uses the same. */
export interface Join {
  readonly agentVersion: number
  readonly send: SendQueue
  readonly parameters: RatchetParameters
  readonly ratchet: RatchetState
  /** SHA-256 of the initiator's keys. */
  readonly peerKeys: Bytes
}

/** Agrees on versions and keys with a link. Throws `AgentError` A_VERSION, POST_QUANTUM. */
export function joinKeys(
  link: ConnectionLink & { readonly type: "invitation" },
  setting: PostQuantumSetting,
  random: Random,
): Join {
  const agentVersion = agreedVersion(agentVersions, link.versions)
  const version = agreedVersion(e2eVersions, link.parameters.versions)
  const [queue] = link.queues
  if (
    agentVersion === undefined ||
    version === undefined ||
    agreedVersion(clientVersions, queue.versions) === undefined
  ) {
    throw new AgentError(
      "A_VERSION",
      "This link is for other versions of the protocol: ask for one made with a current release.",
    )
  }
  const keys = generateX3dhKeys(random, { postQuantum: takesPart(setting, agentVersion, version) })
  const { key1, key2, kem } = link.parameters
  const secrets = x3dhJoiner(keys, { key1, key2, kem }, { random })
  return {
    agentVersion,
    send: sendQueueOf(queueInfoOf(queue), random),
    parameters: ratchetReplyOf(version, keys, secrets),
    ratchet: initSendingRatchet({ version, secrets, peerKey: key2, random }),
    peerKeys: keysHash(link.parameters),
  }
}

/** Own keys for a queue of the other side; which kind of key authorizes our commands depends on its server, and is chosen later. */
export function sendQueueOf(info: QueueInfo, random: Random): SendQueue {
  const dhKey: KeyPair<"x25519"> = generateKeyPair("x25519", random)
  return {
    info,
    authKey: undefined,
    dhKey,
    secret: dh(dhKey.privateKey, info.dhKey),
    secured: false,
  }
}

/** Tells one key agreement from another. */
export function keysHash({ key1, key2 }: Pick<RatchetParameters, "key1" | "key2">): Bytes {
  return sha256(concatBytes(key1.raw, key2.raw))
}

type ConfirmationEnvelope = Extract<AgentEnvelope, { readonly type: "AgentConfirmation" }>

/**
 * Reads a joiner's confirmation (step 6). Throws `AgentError` A_PROHIBITED, A_VERSION, A_CRYPTO, A_MESSAGE or POST_QUANTUM; a later good one is then still accepted.
 */
export function readConfirmation(
  { x3dh, postQuantum: setting }: { readonly x3dh: X3dhKeys; readonly postQuantum: PostQuantumSetting },
  { newPeer, header }: QueueMessage,
  envelope: ConfirmationEnvelope,
  options: { readonly random: Random; readonly now: number },
): Confirmation {
  const { parameters, version } = envelope
  if (newPeer === undefined || parameters === undefined) {
    throw new AgentError(
      "A_PROHIBITED",
      "A confirmation without keys where an answer to the invitation belongs.",
    )
  }
  if (!includesVersion(agentVersions, version)) {
    throw new AgentError(
      "A_VERSION",
      `A confirmation of agent version ${version}, which this release does not speak.`,
    )
  }
  const postQuantum = takesPart(setting, version, parameters.version)
  const ratchet = initiatorRatchet(x3dh, parameters, postQuantum)
  if (setting === "required" && !ratchet.hybrid) {
    throw new AgentError(
      "POST_QUANTUM",
      "An answer without post-quantum encryption, which this connection requires: the key for it was removed from the link on its way, or the other side has switched it off.",
    )
  }
  const opened = decryptContent(ratchet.state, envelope.sealed, options)
  if (opened.type === "failed") {
    throw new AgentError("A_CRYPTO", "A confirmation that does not decrypt.", { cause: opened.error })
  }
  const { content } = opened
  if (content === undefined) throw new AgentError("A_MESSAGE", "A confirmation that does not parse.")
  if (content.type !== "AgentConnInfoReply") {
    throw new AgentError("A_PROHIBITED", "A confirmation without a reply queue.")
  }
  return {
    id: toBase64Url(options.random.bytes(12), { padded: false }),
    agentVersion: version,
    queueKey: newPeer.key,
    queueSecret: newPeer.secret,
    senderKey: header.type === "K" ? header.senderKey : undefined,
    peerKeys: keysHash(parameters),
    session: {
      ratchet: opened.ratchet,
      lastReceivedId: 1,
      lastReceivedHash: opened.hash,
      lastSentId: 0,
      lastSentHash: new Uint8Array(0),
      nextMessageId: 1,
    },
    replyQueue: content.queues[0],
    info: content.info,
  }
}

function initiatorRatchet(
  x3dh: X3dhKeys,
  parameters: RatchetParameters,
  postQuantum: boolean,
): { readonly state: RatchetState; readonly hybrid: boolean } {
  try {
    const secrets = x3dhInitiator(x3dh, parameters)
    const { version } = parameters
    const state = initReceivingRatchet({ version, secrets, keyPair: x3dh.key2, postQuantum })
    return { state, hybrid: secrets.hybrid }
  } catch (error) {
    if (RatchetError.is(error, "VERSION")) {
      throw new AgentError("A_VERSION", "A confirmation of another end-to-end version.", { cause: error })
    }
    if (error instanceof RatchetError) {
      throw new AgentError("A_CRYPTO", "A confirmation whose keys do not fit the invitation.", {
        cause: error,
      })
    }
    throw error
  }
}
