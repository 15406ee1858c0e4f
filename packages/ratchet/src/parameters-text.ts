import { formatVersionRange, fromBase64Url, parseVersionRange, toBase64Url, WireError } from "@smpkit/codec"
import { CryptoError, decodePublicKey, encodePublicKey, type PublicKey } from "@smpkit/crypto"
import { kemVersion } from "./e2e-version.ts"
import { type KemProposal, kemPublicKeyOf } from "./kem.ts"
import type { RatchetParametersUri } from "./parameters.ts"

/** `v=2-3&x3dh=…` of a link, not percent-escaped (double-ratchet.md, "E2E ratchet parameters"). */
export function formatRatchetParametersUri({ versions, key1, key2, kem }: RatchetParametersUri): string {
  const keys = [key1, key2].map((key) => toBase64Url(encodePublicKey(key))).join(",")
  const withKem = kem !== undefined && versions.max >= kemVersion
  return `v=${formatVersionRange(versions)}&x3dh=${keys}${withKem ? `&kem_key=${toBase64Url(kem.key)}` : ""}`
}

const known = new Set(["v", "x3dh", "kem_ct", "kem_key"])

/** Reads what `formatRatchetParametersUri` writes. Unknown parameters are ignored, a repeated known one is refused. Throws `WireError`. */
export function parseRatchetParametersUri(text: string): RatchetParametersUri {
  const values = new Map<string, string>()
  for (const item of text.split("&")) {
    const at = item.indexOf("=")
    const name = at < 0 ? item : item.slice(0, at)
    if (!known.has(name)) continue
    if (at < 0 || values.has(name)) fail(`${name} without a value or given twice`)
    values.set(name, item.slice(at + 1))
  }
  const versions = parseVersionRange(values.get("v") ?? fail("no version range"))
  const [key1, key2, ...more] = (values.get("x3dh") ?? fail("no keys")).split(",")
  if (key1 === undefined || key2 === undefined || more.length > 0) return fail("not two keys")
  return {
    versions,
    key1: parseKey(key1),
    key2: parseKey(key2),
    kem: versions.max >= kemVersion ? parseKem(values.get("kem_key"), values.has("kem_ct")) : undefined,
  }
}

function parseKem(key: string | undefined, accepted: boolean): KemProposal | undefined {
  if (accepted) return fail("an accepted KEM key where only a proposal may stand")
  if (key === undefined) return undefined
  return { type: "P", key: kemPublicKeyOf(fromBase64Url(key)) ?? fail("a KEM key of a wrong length") }
}

function parseKey(text: string): PublicKey<"x448"> {
  try {
    return decodePublicKey(fromBase64Url(text), ["x448"])
  } catch (error) {
    if (CryptoError.is(error, "KEY")) return fail(error.message)
    throw error
  }
}

function fail(message: string): never {
  throw new WireError(message, 0)
}
