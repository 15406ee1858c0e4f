import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  type Bytes,
  type Codec,
  concatBytes,
  decode,
  encode,
  type VersionRange,
  WireError,
} from "@smpkit/codec"
import {
  decodePrivateKey,
  decodePublicKey,
  keyPairOf,
  PrivateKey,
  sha256,
  type SignAlg,
} from "@smpkit/crypto"
import {
  type CertificateChain,
  type ClientHello,
  clientHello,
  isSignedBy,
  padBlock,
  serverHello,
  type ServerHello,
  serviceResponse,
  signedKey,
  signedKeyOf,
  signKey,
} from "@smpkit/smp"
import { hex, loadVectors, ramp } from "@smpkit/testkit"

const vectors = loadVectors("handshake")
const sessionId = vectors.at("sessionId").bytes()
const keyHash = vectors.at("keyHash").bytes()
const chain = vectors
  .at("certificates")
  .items()
  .map((item) => item.bytes()) as readonly Bytes[] as CertificateChain
const leafKey = keyPairOf(
  decodePrivateKey<SignAlg>(vectors.at("serverPrivateKey").bytes(), ["ed25519", "ed448"]),
)
const keyNamed = (name: string) => decodePublicKey(vectors.at("keys", name, "publicDer").bytes(), ["x25519"])
const clientKey = keyNamed("x25519_2")

describe("handshake.json, server hellos", () => {
  const signed = signKey(keyNamed(vectors.at("signedServerDhKey", "key").text()), leafKey)

  test.each(vectors.at("server").entries())("range %s", (range, vector) => {
    const [min = 0, max = 0] = range.split("-").map(Number)
    const versions: VersionRange = { min, max }
    const hello: ServerHello = {
      versions,
      sessionId,
      certifiedKey: max < 7 ? undefined : { chain, signedKey: signed },
    }
    expect(encode(serverHello, hello)).toEqual(vector.bytes())
    expect(decode(serverHello, vector.bytes())).toEqual(hello)
  })

  test("the padded block", () => {
    const block = padBlock(vectors.at("server", "6-18").bytes())
    expect(block.length).toBe(vectors.at("serverBlock6-18Padded", "len").number())
    expect(sha256(block)).toEqual(vectors.at("serverBlock6-18Padded", "sha256").bytes())
  })

  test("the identity is the hash of the second certificate", () => {
    expect(sha256(chain[1] ?? new Uint8Array())).toEqual(keyHash)
  })

  test("signedServerDhKey", () => {
    const der = vectors.at("signedServerDhKey", "der").bytes()
    expect(encode(signedKey, signed)).toEqual(concatBytes(hex("007a"), der))
    expect(isSignedBy(signed, leafKey.publicKey)).toBe(true)
    expect(isSignedBy({ ...signed, key: keyNamed("x25519_3") }, leafKey.publicKey)).toBe(false)
    expect(isSignedBy({ ...signed, signature: new Uint8Array(64) }, leafKey.publicKey)).toBe(false)
  })
})

describe("handshake.json, client hellos", () => {
  const helloOf = (version: number, proxy: boolean): ClientHello => ({
    version,
    keyHash,
    sessionKey: version < 7 ? undefined : clientKey,
    proxy,
    service: undefined,
  })

  test.each(vectors.at("client").entries())("version %s", (version, vector) => {
    const hello = helloOf(Number(version), false)
    expect(encode(clientHello, hello)).toEqual(vector.bytes())
    expect(decode(clientHello, vector.bytes())).toEqual(hello)
  })

  test.each(vectors.at("clientProxyServer").entries())("of a proxy, version %s", (version, vector) => {
    const hello = helloOf(Number(version), true)
    expect(encode(clientHello, hello)).toEqual(vector.bytes())
    expect(decode(clientHello, vector.bytes())).toEqual(hello)
  })
})

test("handshake.json, answers to services", () => {
  const answers = vectors.at("serverResponse")
  for (const [name, value] of [
    ["E TEHandshake BAD_SERVICE", { type: "E", error: "HANDSHAKE BAD_SERVICE" }],
    ["E TEVersion", { type: "E", error: "VERSION" }],
    ["R serviceId='svc'", { type: "R", serviceId: hex("737663") }],
  ] as const) {
    expect(encode(serviceResponse, value)).toEqual(answers.at(name).bytes())
    expect(decode(serviceResponse, answers.at(name).bytes())).toEqual(value)
  }
  expect(answers.entries()).toHaveLength(3)
  expect(decode(serviceResponse, hex("5203737663 99"))).toEqual({ type: "R", serviceId: hex("737663") })
  expect(() => decode(serviceResponse, hex("58"))).toThrow(WireError)
})

describe("smp-transport.md and encoding.md, Worked examples", () => {
  const kh = hex("2dc25431f561c03f32c6302249a0f3cc6177fa42c6e14874165fd9223ad1c232")
  const clSess = keyPairOf(new PrivateKey("x25519", ramp(0xa0, 32))).publicKey
  const srvSess = keyPairOf(new PrivateKey("x25519", ramp(0x80, 32))).publicKey

  test("server hello of version 6", () => {
    const hello = { versions: { min: 6, max: 6 }, sessionId: ramp(1, 32), certifiedKey: undefined }
    expect(encode(serverHello, hello)).toEqual(concatBytes(hex("0006 0006 20"), ramp(1, 32)))
  })

  test("client hello of version 18, in its block", () => {
    const hello = { version: 18, keyHash: kh, sessionKey: clSess, proxy: false, service: undefined }
    const bytes = concatBytes(
      hex("0012 20"),
      kh,
      hex(
        "2c 302a300506032b656e032100 605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c 46 30",
      ),
    )
    expect(encode(clientHello, hello)).toEqual(bytes)
    expect(bytes.length).toBe(82)
    expect(padBlock(bytes).subarray(0, 7)).toEqual(hex("0052 0012 20 2dc2"))
    expect(padBlock(bytes)[84]).toBe(0x23)
  })

  test("client hello of version 7 without key", () => {
    const hello = { version: 7, keyHash: kh, sessionKey: undefined, proxy: false, service: undefined }
    expect(encode(clientHello, hello)).toEqual(concatBytes(hex("0007 20"), kh))
    expect(decode(clientHello, concatBytes(hex("0007 20"), kh))).toEqual(hello)
  })

  test("a key signed with Ed25519, and one signed with Ed448", () => {
    const signer = keyPairOf(new PrivateKey("ed25519", ramp(0x55, 32)))
    const signed = encode(signedKey, signKey(srvSess, signer))
    expect(signed).toEqual(
      hex(`007a 3078 302c 302a300506032b656e032100493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d
        300506032b6570 034100 bda042d0ef13b2db78c8c7d2e11abfa056e3cd837a2c48e00b492b6e2b74d81f
        303f310de3a2df930696e9f6a1361c9fe8e9d092e702c02c57ea5b70427e5e0c`),
    )
    const signer448 = keyPairOf(new PrivateKey("ed448", ramp(0, 57)))
    const signed448 = encode(signedKey, signKey(srvSess, signer448))
    expect(signed448.length).toBe(2 + 173)
    expect(signed448.subarray(0, 9)).toEqual(hex("00ad 3081aa 302c 302a"))
    const back = decode(signedKey, signed448)
    expect(isSignedBy(back, signer448.publicKey)).toBe(true)
    expect(isSignedBy(back, signer.publicKey)).toBe(false)
  })
})

describe("a signed key that is not one", () => {
  const whole = encode(signedKey, signKey(clientKey, leafKey))
  const der = whole.subarray(2)
  const wrap = (bytes: Uint8Array): Bytes =>
    concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes)

  test("without the extra SEQUENCE", () => {
    const bare = concatBytes(hex("3076"), der.subarray(4))
    expect(() => decode(signedKey, wrap(bare))).toThrow(WireError)
  })

  test.each(Array.from({ length: 16 }, (_, i) => i))("byte %i of its frame changed", (i) => {
    const changed = new Uint8Array(der)
    changed[i] = (changed[i] ?? 0) ^ 1
    expect(() => decode(signedKey, wrap(changed))).toThrow(WireError)
  })

  test("shorter, longer, or with a key of another algorithm", () => {
    expect(() => decode(signedKey, wrap(der.subarray(0, -1)))).toThrow(WireError)
    expect(() => decode(signedKey, wrap(concatBytes(der, hex("00"))))).toThrow(WireError)
    expect(() => decode(signedKeyOf("ed25519"), whole)).toThrow(WireError)
  })

  test("with a key of small order", () => {
    const zero = new Uint8Array(der)
    zero.fill(0, 4 + 12, 4 + 44)
    expect(() => decode(signedKey, wrap(zero))).toThrow(WireError)
  })

  test("counts as absent in a hello, and so does a chain that does not parse", () => {
    const hello = vectors.at("server", "6-18").bytes()
    for (const cut of [hello.length - 1, 100, 37]) {
      const read = decode(serverHello, hello.subarray(0, cut))
      expect(read).toEqual({ versions: { min: 6, max: 18 }, sessionId, certifiedKey: undefined })
    }
    expect(() => decode(serverHello, hello.subarray(0, 36))).toThrow(WireError)
    expect(() => decode(serverHello, concatBytes(hex("0012 0006 20"), sessionId))).toThrow(WireError)
  })
})

describe("a hello's edges", () => {
  test("bytes after it are ignored", () => {
    const server = concatBytes(vectors.at("server", "6-18").bytes(), ramp(0, 50))
    expect(decode(serverHello, server).certifiedKey).toBeDefined()
    const client = concatBytes(vectors.at("client", "18").bytes(), ramp(0, 50))
    expect(decode(clientHello, client).version).toBe(18)
  })

  test("a client's key of another type is none: at version 13 the rest is ignored, from 14 on it cannot be read", () => {
    const ed25519 = vectors.at("keys", "ed25519_1", "publicSmp").bytes()
    const head = (version: string): Bytes => concatBytes(hex(version), hex("20"), keyHash, ed25519)
    expect(decode(clientHello, head("000d")).sessionKey).toBeUndefined()
    expect(() => decode(clientHello, concatBytes(head("000e"), hex("46")))).toThrow(WireError)
  })

  test("a client's hello that is cut off", () => {
    const hello = vectors.at("client", "18").bytes()
    for (const cut of [0, 1, 2, 34, 80, 81]) {
      expect(() => decode(clientHello, hello.subarray(0, cut))).toThrow(WireError)
    }
  })

  test("a service's part comes back as it was, and is refused below version 16", () => {
    const key = decodePublicKey(vectors.at("keys", "ed25519_2", "publicDer").bytes(), ["ed25519"])
    const certifiedKey = { chain, signedKey: signKey(key, leafKey) }
    for (const role of ["M", "N", "P"] as const) {
      const hello: ClientHello = {
        version: 16,
        keyHash,
        sessionKey: clientKey,
        proxy: role === "P",
        service: { role, certifiedKey },
      }
      expect(decode(clientHello, encode(clientHello, hello))).toEqual(hello)
      expect(() => encode(clientHello, { ...hello, version: 15 })).toThrow(RangeError)
    }
    const bytes = encode(clientHello, {
      version: 16,
      keyHash,
      sessionKey: undefined,
      proxy: false,
      service: { role: "M", certifiedKey },
    })
    bytes[37] = 0x58
    expect(() => decode(clientHello, bytes)).toThrow(WireError)
  })

  test("keys that the version does not have are the caller's mistake", () => {
    const signed = { chain, signedKey: signKey(clientKey, leafKey) }
    expect(() =>
      encode(serverHello, { versions: { min: 6, max: 6 }, sessionId, certifiedKey: signed }),
    ).toThrow(RangeError)
    expect(() =>
      encode(clientHello, { version: 6, keyHash, sessionKey: clientKey, proxy: false, service: undefined }),
    ).toThrow(RangeError)
  })
})

describe("any bytes", () => {
  const recorded = [...vectors.at("server").entries(), ...vectors.at("client").entries()].map(([, v]) =>
    v.bytes(),
  )

  test("give a hello or WireError, and nothing else", () => {
    const outcome = (bytes: Bytes): void => {
      for (const codec of [serverHello, clientHello, serviceResponse]) {
        try {
          decode(codec as Codec<unknown>, bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        outcome(new Uint8Array(bytes))
      }),
    )
    fc.assert(
      fc.property(fc.constantFrom(...recorded), fc.nat(), fc.nat(255), fc.nat(), (bytes, at, value, cut) => {
        const changed = bytes.slice(0, bytes.length - (cut % 4))
        changed[at % changed.length] = value
        outcome(changed)
      }),
      { numRuns: 300 },
    )
  })
})
