import { includesVersion, type VersionRange } from "@smpkit/codec"
import { RatchetError } from "./errors.ts"

/** End-to-end versions that this package speaks (double-ratchet.md, "E2E version"). */
export const e2eVersions: VersionRange = { min: 2, max: 3 }

/** The version from which parameters and headers have a place for a KEM, and lengths of two bytes. */
export const kemVersion = 3

/** Throws `RatchetError VERSION`. */
export function assertE2eVersion(version: number): void {
  if (!includesVersion(e2eVersions, version))
    throw new RatchetError("VERSION", `end-to-end version ${version}`)
}
