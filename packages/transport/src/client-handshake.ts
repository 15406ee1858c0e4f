import {
  agreedVersion,
  type Bytes,
  decode,
  encode,
  formatVersionRange,
  type VersionRange,
} from "@smpkit/codec"
import { equalBytes, generateKeyPair, type PrivateKey, type PublicKey, type Random } from "@smpkit/crypto"
import {
  blockEncryptionVersion,
  type CertifiedKey,
  clientHello,
  isSignedBy,
  padBlock,
  serverHello,
  sessionKeyVersion,
  smpVersions,
  unpadBlock,
} from "@smpkit/smp"
import { type BlockCoding, BlockSession, plainBlocks, sealedBlocks } from "./block-session.ts"
import { type Clock, systemClock } from "./clock.ts"
import { withDeadline } from "./deadline.ts"
import { TransportError } from "./errors.ts"
import { handshakePart, nextBlock } from "./handshake-block.ts"
import { verifyRepeatedChain } from "./identity.ts"
import type { BlockStream, SmpSession } from "./transport.ts"

export interface ClientHandshakeOptions {
  /** The fingerprint of the server's address. */
  readonly keyHash: Bytes
  readonly random: Random
  /** From version 7 unless given: below it there are no session keys. */
  readonly versions?: VersionRange
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock
  readonly timeoutMs?: number
  /**
   * The stream is a channel (channel.md, "SMP on top"): the hello has to repeat the channel's whole chain, and no session key of ours is sent, since blocks are
   * encrypted already.
   */
  readonly overChannel?: boolean
}

/** The versions that a client accepts unless told otherwise (security.md Q15). */
const clientDefault: VersionRange = { min: sessionKeyVersion, max: smpVersions.max }
const clientTimeoutMs = 45_000

/**
 * The client's side of the SMP handshake (smp-transport.md, "SMP handshake") over a stream whose chain was verified. Nothing is a reason to go on
 * with less (security.md Q15). On failure the stream is closed. Throws `TransportError` `ALPN`, `FINGERPRINT`, `CERTIFICATE`, `SESSION`, `VERSION`,
 * `HANDSHAKE`, `TIMEOUT` or `CLOSED`, or the signal's reason.
 */
export async function clientHandshake(
  stream: BlockStream,
  {
    keyHash,
    random,
    versions = clientDefault,
    signal,
    clock = systemClock,
    timeoutMs = clientTimeoutMs,
    overChannel = false,
  }: ClientHandshakeOptions,
): Promise<SmpSession> {
  const close = (): void => {
    void stream.close()
  }
  try {
    return await withDeadline({ clock, timeoutMs, signal, what: "the server's SMP handshake" }, close, () =>
      handshake(stream, { keyHash, random, versions, overChannel }),
    )
  } catch (error) {
    close()
    throw error
  }
}

interface Wanted {
  readonly keyHash: Bytes
  readonly random: Random
  readonly versions: VersionRange
  readonly overChannel: boolean
}

async function handshake(
  stream: BlockStream,
  { keyHash, random, versions, overChannel }: Wanted,
): Promise<SmpSession> {
  if (stream.alpn === undefined)
    throw new TransportError("ALPN", "the server agreed on no application protocol")
  const { leafKey } = verifyRepeatedChain(stream.peerChain, keyHash)
  const block = await nextBlock(stream, "the server")
  const hello = handshakePart("the server's hello", () => decode(serverHello, unpadBlock(block)))
  if (!equalBytes(hello.sessionId, stream.sessionId))
    throw new TransportError("SESSION", "the server's hello belongs to another connection")
  const version = agreedVersion(versions, hello.versions)
  if (version === undefined)
    throw new TransportError(
      "VERSION",
      `the server speaks SMP ${formatVersionRange(hello.versions)}, this client ${formatVersionRange(versions)}`,
    )
  const serverKey = sessionKeyOf(hello.certifiedKey, stream, { keyHash, overChannel }, leafKey)
  if (hello.versions.max >= sessionKeyVersion && serverKey === undefined)
    throw new TransportError("HANDSHAKE", "the server's hello has no readable session key")

  const ours = version < sessionKeyVersion || overChannel ? undefined : generateKeyPair("x25519", random)
  const coding = codingFor(version, stream, serverKey, ours?.privateKey)
  const answer = { version, keyHash, sessionKey: ours?.publicKey, proxy: false, service: undefined }
  await stream.write(padBlock(encode(clientHello, answer)))
  return new BlockSession(stream, {
    version,
    serverSessionKey: version < sessionKeyVersion ? undefined : serverKey,
    coding,
  })
}

/** How the session's blocks travel (smp-transport.md, "Block encryption"); our key is erased, since nothing else needs it. */
function codingFor(
  version: number,
  { sessionId }: BlockStream,
  theirs: PublicKey<"x25519"> | undefined,
  ours: PrivateKey<"x25519"> | undefined,
): BlockCoding {
  using key = ours
  if (version < blockEncryptionVersion || key === undefined || theirs === undefined) return plainBlocks
  return handshakePart("the server's session key", () => sealedBlocks("client", sessionId, key, theirs))
}

/** The server's key, after its chain was compared with the connection's, and its signature verified. */
function sessionKeyOf(
  certified: CertifiedKey | undefined,
  { peerChain }: BlockStream,
  { keyHash, overChannel }: Pick<Wanted, "keyHash" | "overChannel">,
  leafKey: PublicKey<"ed25519" | "ed448">,
): PublicKey<"x25519"> | undefined {
  if (certified === undefined) return undefined
  const { chain, signedKey } = certified
  verifyRepeatedChain(chain, keyHash)
  // Over TLS the leaf is compared; what else it may send of the chain is left to a server.
  const repeated = overChannel
    ? sameChain(chain, peerChain)
    : sameChain(chain.slice(0, 1), peerChain.slice(0, 1))
  if (!repeated)
    throw new TransportError(
      "CERTIFICATE",
      "the certificate of the server's hello is not that of its connection",
    )
  if (!isSignedBy(signedKey, leafKey))
    throw new TransportError("HANDSHAKE", "the server's session key is not signed by its certificate")
  return signedKey.key
}

function sameChain(a: readonly Bytes[], b: readonly Bytes[]): boolean {
  return (
    a.length === b.length && a.every((certificate, i) => equalBytes(certificate, b[i] ?? new Uint8Array(0)))
  )
}
