import { constants } from "node:crypto"
import type { SecureContextOptions } from "node:tls"

// smp-transport.md, "TCP and TLS"; security.md Q15: one suite, and nothing below TLS 1.3.

/** The application protocol of SMP. */
export const smpAlpn = "smp/1"
/** What TLS has to have agreed on. */
export const cipherSuite = "TLS_CHACHA20_POLY1305_SHA256"
/** TCP keep-alive begins after so long a silence. */
export const keepAliveMs = 30_000
/** Length of the Finished message's content under the one suite: the session id. */
export const finishedSize = 32

/** The options that both roles share. */
export const tlsProfile: SecureContextOptions = {
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  ciphers: cipherSuite,
  ecdhCurve: "X448:X25519",
  sigalgs: "ed448:ed25519",
  secureOptions: constants.SSL_OP_NO_TICKET,
}
