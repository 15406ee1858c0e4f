import { addressOf } from "../handshake.ts"
import type { ConnectionLink } from "../links.ts"
import type { ReceiveQueue } from "../queues.ts"
import { agentVersions } from "../version.ts"

/** The long link of an address (agent-protocol.md, "Contact address", step 1): no keys for the conversation, each request brings its own. */
export function addressLink(
  queue: Pick<ReceiveQueue, "server" | "senderId" | "dhKey" | "mode">,
): ConnectionLink {
  return { type: "contact", versions: agentVersions, queues: [addressOf(queue)], clientData: undefined }
}
