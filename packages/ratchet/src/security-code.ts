import type { Bytes } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"

/**
 * What two users compare by another way: SHA-256 of the associated data (double-ratchet.md, "Worked example"), equal on both sides.
 * The 32 bytes are read as 16 numbers of two bytes, the higher byte first, each written with five digits (`00000` to `65535`):
 * 16 groups, separated by spaces. It covers the X448 keys of the key agreement; what came later, and a KEM, it does not cover.
 */
export function securityCode(ad: Bytes): string {
  const digest = new DataView(sha256(ad).buffer)
  return Array.from({ length: 16 }, (_, i) =>
    digest
      .getUint16(2 * i)
      .toString()
      .padStart(5, "0"),
  ).join(" ")
}
