import {
  type Alg,
  boxKey,
  dh,
  type KeyPair,
  keyPairOf,
  openBox,
  PrivateKey,
  type PublicKey,
  sealBox,
  type SharedSecret,
  sign,
  verify,
} from "@smpkit/crypto"
import { expect, test } from "vitest"

// Each line must not compile; `tsc -p tsconfig.test.json` says so when one does. None of them runs.
test("mix-ups that the compiler refuses", () => {
  const x25519 = keyPairOf(new PrivateKey("x25519", new Uint8Array(32)))
  const x448 = keyPairOf(new PrivateKey("x448", new Uint8Array(56)))
  const ed25519 = keyPairOf(new PrivateKey("ed25519", new Uint8Array(32)))
  const bytes = new Uint8Array(32)
  const mixUps = [
    // @ts-expect-error keys of two curves
    () => dh(x25519.privateKey, x448.publicKey),
    // @ts-expect-error a signing key in a key agreement
    () => dh(ed25519.privateKey, ed25519.publicKey),
    // @ts-expect-error two public keys
    () => dh(x25519.publicKey, x25519.publicKey),
    // @ts-expect-error signing with a key agreement key
    () => sign(x25519, bytes),
    // @ts-expect-error verifying with a key agreement key
    () => verify(x448.publicKey, bytes, bytes),
    // @ts-expect-error a raw key
    () => dh(x25519.privateKey, bytes),
    // @ts-expect-error a key that nobody checked
    (): PublicKey<"x25519"> => ({ alg: "x25519", raw: bytes }),
    // @ts-expect-error a secret in place of the box key that is derived from it
    () => sealBox(dh(x25519.privateKey, x25519.publicKey), bytes, bytes),
    // @ts-expect-error any bytes as a box key
    () => openBox(bytes, bytes, bytes),
    // @ts-expect-error any bytes as a shared secret
    (): SharedSecret => bytes,
    // @ts-expect-error a pair of two algorithms
    (): KeyPair<"x448"> => ({ publicKey: x25519.publicKey, privateKey: x448.privateKey }),
    // @ts-expect-error an algorithm that there is not
    (): Alg => "rsa",
    // @ts-expect-error the raw private key is lent, not read
    () => x25519.privateKey.raw,
  ]
  expect(mixUps.length).toBe(13)
  expect(boxKey(bytes).length).toBe(32)
})
