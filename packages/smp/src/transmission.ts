import {
  type Bytes,
  type Codec,
  fixed,
  optional,
  Reader,
  rest,
  shortBytes,
  struct,
  WireError,
  Writer,
} from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { authorizationKind } from "./authorization.ts"
import { TransmissionError } from "./errors.ts"
import type { SmpVersion } from "./version.ts"

/** What `signedBytes` covers besides the session. */
export interface TransmissionBody {
  readonly corrId: Bytes
  /** Which queue, link, notifier or session the command is about; empty for some. */
  readonly entityId: Bytes
  readonly command: Bytes
}

/** A command or message on its way (smp-commands.md, "Transmission"). */
export interface Transmission extends TransmissionBody {
  /** Empty for none. */
  readonly authorization: Bytes
  /** Ed25519 signature of a service (version 16 and later, with an authorization only). */
  readonly serviceSignature?: Bytes
}

const body: Codec<TransmissionBody> = struct({ corrId: shortBytes, entityId: shortBytes, command: rest })
const serviceSignature: Codec<Bytes | undefined> = optional({
  write: (w, v) => {
    w.u8(64)
    fixed(64).write(w, v)
  },
  read: (r) => (r.u8() === 64 ? r.take(64) : r.fail("a service signature has 64 bytes")),
})

/** Enough for the ids and authorization of most transmissions; a writer grows where it is not. */
const roomForIds = 256

/** What an authorization covers, on every version: the session id, then the body. */
export function signedBytes(sessionId: Bytes, t: TransmissionBody): Bytes {
  const w = new Writer(t.command.length + roomForIds)
  shortBytes.write(w, sessionId)
  body.write(w, t)
  return w.take()
}

/** The bytes of a transmission on a version. Throws `RangeError` for a part that does not fit its field. */
export function encodeTransmission(version: SmpVersion, sessionId: Bytes, t: Transmission): Bytes {
  const w = new Writer(t.command.length + roomForIds)
  shortBytes.write(w, t.authorization)
  if (version >= 16 && t.authorization.length > 0) serviceSignature.write(w, t.serviceSignature)
  else if (t.serviceSignature !== undefined) throw new RangeError("a service signature without its place")
  if (version < 7) shortBytes.write(w, sessionId)
  body.write(w, t)
  return w.take()
}

/**
 * Reads a transmission. Throws `TransmissionError`: BLOCK when it does not parse (without corrId) or has an authorization
 * of an impossible length (with corrId), SESSION for that of another session on version 6.
 */
export function parseTransmission(version: SmpVersion, sessionId: Bytes, bytes: Bytes): Transmission {
  const { session, transmission } = readParts(version, bytes)
  if (session !== undefined && !equalBytes(session, sessionId))
    throw new TransmissionError({ type: "SESSION" }, transmission.corrId)
  if (authorizationKind(transmission.authorization) === "invalid")
    throw new TransmissionError({ type: "BLOCK" }, transmission.corrId)
  return transmission
}

function readParts(
  version: SmpVersion,
  bytes: Bytes,
): { readonly session: Bytes | undefined; readonly transmission: Transmission } {
  const r = new Reader(bytes)
  try {
    const authorization = shortBytes.read(r)
    const signature = version >= 16 && authorization.length > 0 ? serviceSignature.read(r) : undefined
    const session = version < 7 ? shortBytes.read(r) : undefined
    const corrId = shortBytes.read(r)
    const entityId = shortBytes.read(r)
    // A view: parsing the command copies what stays of it.
    const command = bytes.subarray(r.offset)
    const transmission = { authorization, corrId, entityId, command }
    return {
      session,
      transmission: signature === undefined ? transmission : { ...transmission, serviceSignature: signature },
    }
  } catch (error) {
    if (error instanceof WireError)
      throw new TransmissionError({ type: "BLOCK" }, undefined, { cause: error })
    throw error
  }
}
