import type { ServerAddress } from "@smpkit/smp"
import type { SmpSession } from "@smpkit/transport"

/** How a client reaches servers: TLS (`@smpkit/client/tls`), a channel, or memory in tests. */
export interface Connector {
  /** A session with exactly the server of the address. Throws `TransportError`, or the signal's reason. */
  connect(server: ServerAddress, options: { readonly signal?: AbortSignal | undefined }): Promise<SmpSession>
}
