import {
  type Bytes,
  type Codec,
  type Reader,
  shortBytes,
  u16,
  type VersionRange,
  versionRange,
  type Writer,
} from "@smpkit/codec"
import { type PublicKey, x25519PublicKey } from "@smpkit/crypto"
import { legacyServerAddress, type ServerAddress, serverAddress } from "./server-address.ts"
import { clientVersions } from "./version.ts"

/** `messaging`: one sender, who may secure the queue. `contact`: many senders. */
export type QueueMode = "messaging" | "contact"

interface QueueAddress {
  readonly server: ServerAddress
  readonly senderId: Bytes
  /** The recipient's key for the sender-to-recipient box. */
  readonly dhKey: PublicKey<"x25519">
  readonly mode: QueueMode | undefined
}

/** Where to send, with all client versions that the recipient speaks (connection-links.md, "SMP queue address"). */
export interface QueueUri extends QueueAddress {
  readonly versions: VersionRange
}

/** Where to send, for one client version. */
export interface QueueInfo extends QueueAddress {
  readonly version: number
}

/** The address for the newest version that both sides know. */
export function queueInfoOf({ versions, server, senderId, dhKey, mode }: QueueUri): QueueInfo {
  return { version: Math.min(versions.max, clientVersions.max), server, senderId, dhKey, mode }
}

function writeAddress(w: Writer, server: Codec<ServerAddress>, v: QueueAddress): void {
  server.write(w, v.server)
  shortBytes.write(w, v.senderId)
  x25519PublicKey.write(w, v.dhKey)
}

function readAddress(r: Reader, server: Codec<ServerAddress>): QueueAddress {
  return {
    server: server.read(r),
    senderId: shortBytes.read(r),
    dhKey: x25519PublicKey.read(r),
    mode: readMode(r),
  }
}

const letters = { T: 0x54, F: 0x46, M: 0x4d, C: 0x43 }

/** The mode has no delimiter: what follows an address never begins with one of its letters. */
function readMode(r: Reader): QueueMode | undefined {
  const next = r.peek()
  const mode =
    next === letters.M || next === letters.T
      ? "messaging"
      : next === letters.C || next === letters.F
        ? "contact"
        : undefined
  if (mode !== undefined) r.skip(1)
  return mode
}

function writeMode(w: Writer, mode: QueueMode | undefined): void {
  if (mode !== undefined) w.u8(mode === "messaging" ? letters.M : letters.C)
}

export const queueUri: Codec<QueueUri> = {
  write: (w, v) => {
    versionRange.write(w, v.versions)
    writeAddress(w, serverAddress, v)
    const secure = v.mode === "messaging"
    if (v.versions.min >= 4) writeMode(w, v.mode)
    else if (v.versions.min >= 3 || (v.versions.max >= 3 && secure)) w.u8(secure ? letters.T : letters.F)
  },
  read: (r) => {
    const versions = versionRange.read(r)
    if (versions.min === 0) r.fail("client version 0")
    return { versions, ...readAddress(r, serverAddress) }
  },
}

export const queueInfo: Codec<QueueInfo> = {
  write: (w, v) => {
    u16.write(w, v.version)
    writeAddress(w, v.version === 1 ? legacyServerAddress : serverAddress, v)
    if (v.version >= 4) writeMode(w, v.mode)
    else if (v.version === 3 && v.mode === "messaging") w.u8(letters.T)
  },
  read: (r) => {
    const version = u16.read(r)
    if (version === 0) r.fail("client version 0")
    return { version, ...readAddress(r, version === 1 ? legacyServerAddress : serverAddress) }
  },
}
