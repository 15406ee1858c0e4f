export type { ByteStream } from "./byte-stream.ts"
export { type Certificate, parseCertificate } from "./certificate.ts"
export { clientHandshake, type ClientHandshakeOptions } from "./client-handshake.ts"
export { type Clock, systemClock } from "./clock.ts"
export { TransportError, type TransportErrorCode } from "./errors.ts"
export {
  fingerprint,
  serverIdentity,
  type ServerIdentity,
  type VerifiedChain,
  verifyChain,
} from "./identity.ts"
export { addressPrefix, PrefixLimit } from "./prefix-limit.ts"
export { serverHandshake, type ServerHandshakeOptions } from "./server-handshake.ts"
export type { BlockStream, CloseReason, Received, SmpSession } from "./transport.ts"
