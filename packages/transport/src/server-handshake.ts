import { decode, encode, formatVersionRange, includesVersion, type VersionRange } from "@smpkit/codec"
import { equalBytes, generateKeyPair, type KeyPair, type Random } from "@smpkit/crypto"
import {
  blockEncryptionVersion,
  type CertifiedKey,
  clientHello,
  type ClientHello,
  legacyVersions,
  padBlock,
  serverHello,
  serviceResponse,
  sessionKeyVersion,
  signKey,
  smpVersions,
  unpadBlock,
} from "@smpkit/smp"
import { type BlockCoding, BlockSession, plainBlocks, sealedBlocks } from "./block-session.ts"
import { type Clock, systemClock } from "./clock.ts"
import { withDeadline } from "./deadline.ts"
import { TransportError } from "./errors.ts"
import { handshakePart, nextBlock } from "./handshake-block.ts"
import type { ServerIdentity } from "./identity.ts"
import type { BlockStream, SmpSession } from "./transport.ts"

export interface ServerHandshakeOptions {
  readonly identity: ServerIdentity
  readonly random: Random
  /** All versions unless given; a client that agreed on no application protocol is offered version 6 alone. */
  readonly versions?: VersionRange
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock
  readonly timeoutMs?: number
}

// smp-transport.md, "Keep-alive and timeouts".
const serverTimeoutMs = 120_000

/**
 * The server's side of the SMP handshake (smp-transport.md, "SMP handshake"). A client that does it wrong is not told: the stream is closed.
 * Throws `TransportError` `VERSION`, `FINGERPRINT`, `HANDSHAKE`, `TIMEOUT` or `CLOSED`, or the signal's reason.
 */
export async function serverHandshake(
  stream: BlockStream,
  {
    identity,
    random,
    versions = smpVersions,
    signal,
    clock = systemClock,
    timeoutMs = serverTimeoutMs,
  }: ServerHandshakeOptions,
): Promise<SmpSession> {
  const close = (): void => {
    void stream.close()
  }
  try {
    return await withDeadline({ clock, timeoutMs, signal, what: "the client's SMP handshake" }, close, () =>
      handshake(stream, identity, random, stream.alpn === undefined ? legacyVersions : versions),
    )
  } catch (error) {
    close()
    throw error
  }
}

async function handshake(
  stream: BlockStream,
  identity: ServerIdentity,
  random: Random,
  versions: VersionRange,
): Promise<SmpSession> {
  const ours = versions.max < sessionKeyVersion ? undefined : generateKeyPair("x25519", random)
  const certifiedKey = ours && certify(ours, identity)
  await stream.write(padBlock(encode(serverHello, { versions, sessionId: stream.sessionId, certifiedKey })))
  const block = await nextBlock(stream, "the client")
  const hello = handshakePart("the client's hello", () => decode(clientHello, unpadBlock(block)))
  if (!includesVersion(versions, hello.version))
    throw new TransportError(
      "VERSION",
      `the client chose SMP ${hello.version} of ${formatVersionRange(versions)}`,
    )
  if (!equalBytes(hello.keyHash, identity.keyHash))
    throw new TransportError("FINGERPRINT", "the client expects another server")
  if (hello.service !== undefined) await refuseService(stream)
  return new BlockSession(stream, {
    version: hello.version,
    serverSessionPrivate: hello.version < sessionKeyVersion ? undefined : ours?.privateKey,
    coding: handshakePart("the client's session key", () => codingFor(hello, stream, ours)),
  })
}

function certify(key: KeyPair<"x25519">, { chain, leafKey }: ServerIdentity): CertifiedKey {
  const [leaf, ...issuers] = chain
  if (leaf === undefined) throw new RangeError("a server identity without certificates")
  return { chain: [leaf, ...issuers], signedKey: signKey(key.publicKey, leafKey) }
}

// smp-transport.md, "Block encryption": from version 11, with a client's key, and not for a proxy.
function codingFor(
  { version, sessionKey, proxy }: ClientHello,
  { sessionId }: BlockStream,
  ours: KeyPair<"x25519"> | undefined,
): BlockCoding {
  return version >= blockEncryptionVersion && sessionKey !== undefined && ours !== undefined && !proxy
    ? sealedBlocks("server", sessionId, ours.privateKey, sessionKey)
    : plainBlocks
}

/** No client certificate is asked for in TLS, so a service's cannot be the same as there. */
async function refuseService(stream: BlockStream): Promise<never> {
  await stream.write(padBlock(encode(serviceResponse, { type: "E", error: "HANDSHAKE BAD_AUTH" })))
  throw new TransportError("HANDSHAKE", "the client is a service, which this server does not serve")
}
