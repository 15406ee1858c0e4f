import type { LinkUpdate } from "@smpkit/smp"
import type { Connection } from "../connection.ts"
import type { ServerCore } from "../core.ts"
import { setLink } from "../queue-link.ts"
import type { QueueRequest } from "../request.ts"
import { refuse, refuseAuth } from "./answers.ts"
import { changeQueue } from "./manage.ts"

/** What link ids have; others name nothing. */
const linkIdSize = 24

/** LSET (smp-commands.md, "LSET, LDEL"). A store that may not grow takes no new data. */
export async function setLinkData(
  core: ServerCore,
  connection: Connection,
  request: QueueRequest,
  { linkId, fixed, user }: LinkUpdate,
): Promise<void> {
  if (linkId.length !== linkIdSize) {
    refuseAuth(connection, request.transmission)
  } else if (core.isFull()) {
    refuse(connection, request.transmission, { type: "QUOTA" })
  } else {
    await changeQueue(core, connection, request, setLink(linkId, { fixed, user }))
  }
}
