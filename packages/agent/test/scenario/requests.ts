import { encode } from "@smpkit/codec"
import { boxKey, generateKeyPair, type Random } from "@smpkit/crypto"
import { generateX3dhKeys } from "@smpkit/ratchet"
import { queueInfoOf, sealClientMessage } from "@smpkit/smp"
import { agentEnvelope } from "../../src/envelopes.ts"
import { invitationLink, sendQueueOf } from "../../src/handshake.ts"
import { formatLink, parseLink } from "../../src/links.ts"
import { seededRandom, utf8 } from "./world.ts"

// Requests at an address by parties without an agent.

const random = seededRandom("strangers")

/** The text of an invitation whose queue is on no server. */
export function strangersInvitation(from: Random = random): string {
  const queue = {
    server: { hosts: ["stranger.example"], port: "", keyHash: from.bytes(32) } as const,
    senderId: from.bytes(24),
    dhKey: generateKeyPair("x25519", from),
    mode: "messaging",
  } as const
  return formatLink(invitationLink(queue, generateX3dhKeys(from)))
}

interface Content {
  readonly link: string
  readonly info?: string
  readonly version?: number
  /** Another envelope than that of a request. */
  readonly asMessage?: boolean
}

/** The body of a SEND to an address. */
export function requestTo(
  address: string,
  { link, info = "", version = 7, asMessage = false }: Content,
): Uint8Array<ArrayBuffer> {
  const [queue] = parseLink(address).queues
  const { dhKey, secret } = sendQueueOf(queueInfoOf(queue), random)
  const payload = asMessage
    ? encode(agentEnvelope, { type: "AgentMsgEnvelope", version, sealed: utf8(link) })
    : encode(agentEnvelope, { type: "AgentInvitation", version, link: utf8(link), info: utf8(info) })
  return sealClientMessage(
    boxKey(secret),
    { version: 4, senderKey: dhKey.publicKey, nonce: random.bytes(24) },
    { header: { type: "_" }, payload },
  )
}
