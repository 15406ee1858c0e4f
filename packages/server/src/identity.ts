import type { Random } from "@smpkit/crypto"
import { type Clock, serverIdentity, type ServerIdentity } from "@smpkit/transport"
import { createIdentity, type NewIdentity } from "@smpkit/transport/tls"

/** A new identity, with the key that signs its later certificates. */
export function newIdentity({
  host,
  clock,
  random,
}: {
  readonly host: string
  readonly clock: Clock
  readonly random: Random
}): NewIdentity & { readonly identity: ServerIdentity } {
  const made = createIdentity({ host, now: clock.now(), random })
  const chain = [made.leafCertificate, made.caCertificate]
  return { ...made, identity: serverIdentity(chain, made.leafKey) }
}
