import type { SmpClient } from "@smpkit/client"
import { AgentError } from "../errors.ts"
import { serverText } from "../failures.ts"

/** Servers have known LSET, LGET and LKEY since this version. */
const linksVersion = 15

/** Throws `AgentError NOT_SUPPORTED` where a server knows nothing of short links. */
export function assertLinks({ server, version }: SmpClient): void {
  if (version >= linksVersion) return
  throw new AgentError(
    "NOT_SUPPORTED",
    `The server speaks SMP ${version}, and short links need ${linksVersion}: use the long link, or another server.`,
    { server: serverText(server) },
  )
}
