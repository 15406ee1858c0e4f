import type { VersionRange } from "@smpkit/codec"

/** A version of the SMP protocol, agreed in the handshake (smp-transport.md, "Versions"). */
export type SmpVersion = number

/** Versions that this implementation speaks. */
export const smpVersions: VersionRange = { min: 6, max: 18 }
/** The version used with a peer that negotiates no ALPN. */
export const legacyVersions: VersionRange = { min: 6, max: 6 }
/** Versions of the sender-to-recipient envelope and of queue addresses (smp-client-crypto.md, "SMP client version"). */
export const clientVersions: VersionRange = { min: 1, max: 4 }

/** Makes one value for each version, once; versions outside the range (a proxied command may name any) get that of the nearest. */
export function perVersion<T>(make: (version: SmpVersion) => T): (version: SmpVersion) => T {
  const { min, max } = smpVersions
  const newest = make(max)
  const older = Array.from({ length: max - min }, (_, i) => make(min + i))
  return (version) => older[Math.max(version, min) - min] ?? newest
}
