import type { TLSSocket } from "node:tls"
import type { Bytes } from "@smpkit/codec"

// One more than any chain that is accepted, so that a chain is seen to be too long.
const most = 5

/** The certificates that the peer sent, in DER, leaf first. Node gives the chain once only: call this once. */
export function peerCertificates(socket: TLSSocket): readonly Bytes[] {
  const chain: Bytes[] = []
  for (
    let certificate = socket.getPeerX509Certificate();
    certificate !== undefined && chain.length < most;
    certificate = certificate.issuerCertificate
  )
    chain.push(new Uint8Array(certificate.raw))
  return chain
}
