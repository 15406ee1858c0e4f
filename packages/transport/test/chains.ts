import { type Bytes, concatBytes } from "@smpkit/codec"
import { type KeyPair, keyPairOf, PrivateKey, type SignAlg } from "@smpkit/crypto"
import { loadVectors } from "@smpkit/testkit"
import { serverIdentity, type ServerIdentity } from "@smpkit/transport"

// The certificates of `channel.json`, which show every shape of chain and every way in which one may fail.
const vectors = loadVectors("channel")

/** When those certificates are valid. */
export const chainTime = 1_800_000_000_000

export const certificateOf = (name: string): Bytes => vectors.at("certificates", name).bytes()

export function keyOf(name: string): KeyPair<SignAlg> {
  const key = vectors.at("keys", name)
  return keyPairOf(new PrivateKey<SignAlg>(key.at("alg").text() as SignAlg, key.at("seed").bytes()))
}

/** Names of certificates, leaf first, in the four shapes that servers have. */
export const goodChains = {
  "two, Ed25519": ["leaf25519", "ca25519"],
  "two, Ed448": ["leaf448", "ca448"],
  three: ["leaf25519", "identity25519", "operatorAnchor"],
  four: ["leaf25519", "identity25519", "operator25519", "network448"],
} as const

/** A server's identity of these certificates; the leaf key is named as the leaf. */
export function identityOf(names: readonly string[]): ServerIdentity {
  return serverIdentity(names.map(certificateOf), keyOf(names[0] ?? ""))
}

/** An identity whose chain does not hold: what a man in the middle would show. */
export function unsoundIdentity(
  names: readonly string[],
  leafKey: KeyPair<SignAlg>,
  keyHash: Bytes,
): ServerIdentity {
  return { chain: names.map(certificateOf), leafKey, keyHash }
}

/** A copy with a flipped bit at the end, where the signature is. */
export function damaged(certificate: Bytes): Bytes {
  const copy = concatBytes(certificate)
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1
  return copy
}
