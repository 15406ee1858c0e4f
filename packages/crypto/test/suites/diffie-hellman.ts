import { dh, keyPairOf, PrivateKey, PublicKey } from "@smpkit/crypto"
import { hex } from "@smpkit/testkit"
import { expect, test } from "vitest"

export function diffieHellmanSuite(): void {
  // RFC 7748, "Test Vectors". Those of Curve25519 with the top bit of u set are in key-checks.test.ts.
  test.each([
    [
      "x25519",
      "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
      "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ],
    [
      "x25519",
      "0900000000000000000000000000000000000000000000000000000000000000",
      "0900000000000000000000000000000000000000000000000000000000000000",
      "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    ],
    [
      "x448",
      "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3",
      "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086",
      "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f",
    ],
  ] as const)("RFC 7748, %s of %s", (alg, scalar, u, result) => {
    expect(dh(new PrivateKey(alg, hex(scalar)), new PublicKey(alg, hex(u)))).toEqual(hex(result))
  })

  test.each([
    ["x25519", 32],
    ["x448", 56],
  ] as const)("%s: both sides have the same secret, in memory of its own", (alg, size) => {
    const a = keyPairOf(new PrivateKey(alg, new Uint8Array(size).fill(1)))
    const b = keyPairOf(new PrivateKey(alg, new Uint8Array(size).fill(2)))
    const secret = dh(a.privateKey, b.publicKey)
    expect(secret).toEqual(dh(b.privateKey, a.publicKey))
    expect(secret.buffer.byteLength).toBe(size)
  })
}
