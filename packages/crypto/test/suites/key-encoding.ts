import { type Codec, concatBytes, decode, encode, toBase64Url, toHex, WireError } from "@smpkit/codec"
import {
  authPublicKey,
  CryptoError,
  decodePrivateKey,
  decodePublicKey,
  dh,
  ed25519PublicKey,
  encodePrivateKey,
  encodePublicKey,
  keyPairOf,
  PrivateKey,
  type PublicKey,
  publicKeyCodec,
  x25519PublicKey,
  x448PublicKey,
} from "@smpkit/crypto"
import { hex, ramp, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { Platform } from "./platform.ts"

export function keyEncodingSuite({ loadVectors }: Platform): void {
  const vectors = loadVectors("keys")
  const algs = ["ed25519", "ed448", "x25519", "x448"] as const
  const algOf = (v: Vector) => {
    const alg = algs.find((a) => a === v.at("alg").text())
    if (alg === undefined) throw new Error(`${v.path} has an unknown algorithm`)
    return alg
  }
  const anyKey = publicKeyCodec(...algs)

  describe.each(vectors.at("keys").entries())("%s", (_, v) => {
    test("public key from the private one", () => {
      const pair = keyPairOf(new PrivateKey(algOf(v), v.at("privateRaw").bytes()))
      expect(toHex(pair.publicKey.raw)).toBe(v.at("publicRaw").text())
    })

    test("DER, wire and text form of the public key", () => {
      const key = decodePublicKey(v.at("publicDer").bytes())
      expect(key.alg).toBe(algOf(v))
      expect(toHex(key.raw)).toBe(v.at("publicRaw").text())
      expect(toHex(encodePublicKey(key))).toBe(v.at("publicDer").text())
      expect(toHex(encode(anyKey, key))).toBe(v.at("publicSmp").text())
      expect(decode(anyKey, v.at("publicSmp").bytes())).toEqual(key)
      expect(toBase64Url(encodePublicKey(key))).toBe(v.at("publicStr").text())
    })

    test("DER of the private key", () => {
      const key = decodePrivateKey(v.at("privateDer").bytes())
      expect(key.alg).toBe(algOf(v))
      expect(key.use(toHex)).toBe(v.at("privateRaw").text())
      expect(toHex(encodePrivateKey(key))).toBe(v.at("privateDer").text())
    })
  })

  describe.each(
    vectors
      .at("dh")
      .items()
      .map((v) => [v.at("a").text(), v.at("b").text(), v] as const),
  )("dh of %s and %s", (a, b, v) => {
    test.each([
      [a, b],
      [b, a],
    ])("with the private key of %s", (ours, theirs) => {
      const keys = vectors.at("keys")
      const privateKey = decodePrivateKey(keys.at(ours, "privateDer").bytes(), ["x25519", "x448"])
      const publicKey = decodePublicKey(keys.at(theirs, "publicDer").bytes(), ["x25519", "x448"])
      expect(toHex(dh(privateKey, publicKey))).toBe(v.at("secret").text())
    })
  })

  // encoding.md, "Fixtures and worked examples".
  describe("worked examples", () => {
    test.each([
      ["rk", "ed25519", ramp(0x00, 32), "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"],
      [
        "rk448",
        "ed448",
        ramp(0x00, 57),
        "18d0a70e42a742dfb561279893385061d7b4dad8f6feed4791eaab66b2f4a4f02fc09462a8bfb1842d0bac60e8a1b3e55ba2407f33226f3800",
      ],
      ["rdh", "x25519", ramp(0x40, 32), "79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a"],
      ["srvDh", "x25519", ramp(0x60, 32), "675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f"],
      [
        "srvSess",
        "x25519",
        ramp(0x80, 32),
        "493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d",
      ],
      [
        "clSess",
        "x25519",
        ramp(0xa0, 32),
        "605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c",
      ],
      ["sk", "x25519", ramp(0xc0, 32), "dc2cca31e8e43bbd91dff7e475cca3347eb478107d5bd765aba4ae4a30c35d44"],
      ["e2eS", "x25519", ramp(0xe0, 32), "736845d54e87de09d6bb114aa7042c50a4a015bd9901d1a0026f5956533a1519"],
      ["e2eR", "x25519", ramp(0x11, 32), "4d27bcee3135c4944b28d27dd809b07be10c35160d20131caa7e85575498d07c"],
      [
        "cmdKey",
        "x25519",
        ramp(0x21, 32),
        "5869aff450549732cbaaed5e5df9b30a6da31cb0e5742bad5ad4a1a768f1a67b",
      ],
      [
        "X448",
        "x448",
        ramp(0x00, 56),
        "3c6fd1d02960e0d9e93308fc65736141c30db307977f81b7b10996e51e53f573e5c86621205ff491209d3b7cd7933428177ba4defae14dc1",
      ],
    ] as const)("%s", (_, alg, raw, publicRaw) => {
      expect(toHex(keyPairOf(new PrivateKey(alg, raw)).publicKey.raw)).toBe(publicRaw)
    })

    test("public and private key rk", () => {
      const { publicKey, privateKey } = keyPairOf(new PrivateKey("ed25519", ramp(0, 32)))
      expect(toHex(encode(ed25519PublicKey, publicKey))).toBe(
        `2c302a300506032b6570032100${toHex(publicKey.raw)}`,
      )
      expect(toHex(encodePrivateKey(privateKey))).toBe(
        `302e020100300506032b657004220420${toHex(ramp(0, 32))}`,
      )
    })
  })

  describe("DER that is refused", () => {
    const good = vectors.at("keys", "x25519_1", "publicDer").bytes()
    const privateGood = vectors.at("keys", "x25519_1", "privateDer").bytes()
    const raw = good.subarray(12)
    const rows: (readonly [string, Uint8Array])[] = [
      ["nothing", new Uint8Array(0)],
      ["a trailing byte", concatBytes(good, hex("00"))],
      ["a key twice", concatBytes(good, good)],
      ["a missing byte", good.subarray(0, -1)],
      ["a prefix alone", good.subarray(0, 12)],
      ["a raw key", raw],
      ["a length in long form", concatBytes(hex("30812a300506032b656e032100"), raw)],
      ["an indefinite length", concatBytes(hex("3080300506032b656e032100"), raw, hex("0000"))],
      ["algorithm parameters", concatBytes(hex("302c300706032b656e0500032100"), raw)],
      ["unused bits", concatBytes(hex("302a300506032b656e032101"), raw)],
      ["another algorithm", concatBytes(hex("302a300506032b656c032100"), raw)],
      ["the wrapped form of a signed key", concatBytes(hex("302c"), good)],
      ["the length of another curve", concatBytes(hex("3042300506032b656f033900"), raw)],
      ["a private key", privateGood],
    ]
    test.each(rows)("public: %s", (_, der) => {
      expect(() => decodePublicKey(der)).toThrow(CryptoError)
    })

    test.each([
      ["nothing", new Uint8Array(0)],
      ["a trailing byte", concatBytes(privateGood, hex("00"))],
      ["a missing byte", privateGood.subarray(0, -1)],
      ["a public key", good],
      ["version 2", concatBytes(hex("302e020101"), privateGood.subarray(5))],
      ["attributes", concatBytes(hex("3030"), privateGood.subarray(2), hex("a000"))],
    ])("private: %s", (_, der) => {
      expect(() => decodePrivateKey(der)).toThrow(CryptoError)
    })
  })

  describe("an algorithm that a field does not take", () => {
    const wire = (name: string) => vectors.at("keys", name, "publicSmp").bytes()
    test.each<[string, Codec<PublicKey>, readonly string[]]>([
      ["authorization", authPublicKey as unknown as Codec<PublicKey>, ["x448_1"]],
      ["x25519", x25519PublicKey as unknown as Codec<PublicKey>, ["ed25519_1", "ed448_1", "x448_1"]],
      ["x448", x448PublicKey as unknown as Codec<PublicKey>, ["ed25519_1", "ed448_1", "x25519_1"]],
      ["ed25519", ed25519PublicKey as unknown as Codec<PublicKey>, ["x25519_1", "ed448_1", "x448_1"]],
    ])("%s", (_, codec, wrong) => {
      for (const name of ["ed25519_1", "ed448_1", "x25519_1", "x448_1"]) {
        if (wrong.includes(name)) expect(() => decode(codec, wire(name))).toThrow(WireError)
        else expect(toHex(encode(codec, decode(codec, wire(name))))).toBe(toHex(wire(name)))
      }
    })

    test("a key on the wire that is not usable is a WireError", () => {
      expect(() =>
        decode(x25519PublicKey, concatBytes(hex("2c302a300506032b656e032100"), new Uint8Array(32))),
      ).toThrow(WireError)
    })

    test("decoding of private keys names the kinds it takes", () => {
      const der = vectors.at("keys", "x25519_1", "privateDer").bytes()
      expect(() => decodePrivateKey(der, ["ed25519", "ed448"])).toThrow(CryptoError)
      expect(decodePrivateKey(der, ["x25519"]).alg).toBe("x25519")
    })
  })
}
