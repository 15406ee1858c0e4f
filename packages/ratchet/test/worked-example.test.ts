import { type Bytes, concatBytes, decode, encode, Reader, toHex, utf8 } from "@smpkit/codec"
import { dh, type Random, sha256 } from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  generateX3dhKeys,
  initReceivingRatchet,
  initSendingRatchet,
  ratchetParameters,
  ratchetParametersOf,
  ratchetReplyOf,
  securityCode,
  x3dhInitiator,
  x3dhJoiner,
} from "@smpkit/ratchet"
import { hex, ScriptedRandom, seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { deriveChainStep } from "../src/chains.ts"
import { x448Pair } from "./recorded-state.ts"

// double-ratchet.md, "Worked example".
const scalar = (byte: number): Bytes => new Uint8Array(56).fill(byte)
const initiatorKeys = { key1: x448Pair(scalar(0x11)), key2: x448Pair(scalar(0x22)) }
const joinerKeys = { key1: x448Pair(scalar(0x33)), key2: x448Pair(scalar(0x44)) }
const secrets = x3dhJoiner(joinerKeys, ratchetParametersOf(3, initiatorKeys))
const joiner = initSendingRatchet({
  version: 3,
  secrets,
  peerKey: initiatorKeys.key2.publicKey,
  random: new ScriptedRandom(scalar(0x55)),
})

const sk1 =
  "cee158ab1851a4ca0fc33aa716c3ec8eb50a9890a33685a501a7e3a05cf85af18b820c4f89ad00f4f8143dbc8c829c13cf0c24733034fcd2"
const sk2 =
  "3561511d2c81fcfd510d4e076959f20d56bd1e408e3b7f3d61bce74efd6196ef0c3758a28399586e91fe65f1a42386c20c3f583c6f5802ff"

test("keys and key agreement", () => {
  expect([initiatorKeys.key1, initiatorKeys.key2].map((k) => toHex(k.publicKey.raw))).toEqual([
    "b1a0c38170e994f11bb7f2b26d2b92f08d2f770578d0382532d58a5c2884a497c2779e5c7d7549d670a4f2d2289a73a3c434e3ea542b67cb",
    "98e8a07dc1c0b4701d3d791e6d4e11d2c898919f3c6336b9c638dc543c4f6df664bd64edf27db87879d61ab2e5233e51c55208c34079a0b6",
  ])
  expect(toHex(dh(initiatorKeys.key1.privateKey, joinerKeys.key2.publicKey))).toBe(
    "15503735bd3f256fe842916cb4c4f636a31b3f4431b0fd4857ac371daf9260c3f803ac8da9340f181c1b2df76d1d1fa468ad20a32732f519",
  )
  const parameters = encode(ratchetParameters, ratchetParametersOf(3, joinerKeys))
  expect(toHex(parameters)).toBe(`0003443042300506032b656f033900${sk1}443042300506032b656f033900${sk2}30`)
  expect(parameters.length).toBe(141)
  expect(x3dhInitiator(initiatorKeys, decode(ratchetParameters, parameters))).toEqual(secrets)
  expect(toHex(sha256(secrets.ad))).toBe("aca5ff92a02457b2cfc248268c19766aaccd5838570aa3ebb4061ac7ae4eb5b5")
  expect([secrets.headerKey, secrets.nextHeaderKey, secrets.rootKey].map(toHex)).toEqual([
    "dcee83d9817192f959603a332dee7f04f22c4b73c53a04a32d88574ab18019b6",
    "88d2e60da888f80c56834852298ff83c82354ae8be6461210a1e1b2c85cd7ed2",
    "128f397328c8b4c59d2f6f348934fec6a71ffab634faef526b6b19ca3c790600",
  ])
})

test("security code: each two bytes of the digest as five digits", () => {
  const code = securityCode(secrets.ad)
  expect(code.split(" ").map(Number)).toEqual([
    0xaca5, 0xff92, 0xa024, 0x57b2, 0xcfc2, 0x4826, 0x8c19, 0x766a, 0xaccd, 0x5838, 0x570a, 0xa3eb, 0xb406,
    0x1ac7, 0xae4e, 0xb5b5,
  ])
  expect(code).toMatch(/^\d{5}( \d{5}){15}$/)
  expect(code).toContain(" 06855 ")
})

test("the joiner's state and keys", () => {
  const sending = joiner.sending ?? expect.fail("no sending chain")
  expect([joiner.rootKey, sending.chainKey, joiner.nextSendingHeaderKey].map(toHex)).toEqual([
    "c4ffbecd2777345ea5d0b76ac5579d10e615fc90332f33f2c961fab0fefdab13",
    "335eda96143c34c4b8d27f37a0c916c824a62a3946b6ecbd53892ae63e23ddd5",
    "eca9561192ced274dab484c08119c628a653a49b88ca3a3eed6e22a8abc93081",
  ])
  const { chainKey, messageKey, messageIv, headerIv } = deriveChainStep(sending.chainKey)
  expect([chainKey, messageKey, messageIv, headerIv].map(toHex)).toEqual([
    "16c0fadc2c27de85711e664e0017de3c117afdc8142a9f53c100139601353a3d",
    "d4ee6834103828887d0dc8b89bd6d4657d8d472d996d2ecd51683a5d7c106f4f",
    "5110934eab26b8e07bb752c646d04d94",
    "bd0002304f1b4e7e280a1d8e288f5468",
  ])
})

const first = hex(`007c 0003 bd0002304f1b4e7e280a1d8e288f5468 40336ce5a2aabddf116f9fdc3581082e 0058
 6e9466830c2332f2b921dd7acd56ab47b3d9320e5e0cbf932edefae6728369cf17b9f678b0478cbd8450d0e55cf50c2191522d7ef73956d500558de649f4954480ef8a3aa1e32d318c97390a003673369f180378b5dc1363
 3a3fb2d7ad114c5c2794f017229c1140
 11c67d7a096c43b0f121af6d3a1c20e69feb3e26145846ab17f3b7493e60419a83f83928c5432ed58651c58674f9a84571f181df94c8481ef74827e22c68f97f7a8058e84aee27d9f509a554bf07a3c4cecfc5a18c44e423af34240d0e37205b5f6c7f58`)

test("the first message, and its digests at other lengths", () => {
  const { message } = encrypt(joiner, utf8("hello"), 100)
  expect(toHex(message)).toBe(toHex(first))
  expect(message.length).toBe(242)
  for (const [length, size, digest] of [
    [14832, 14974, "c81fbaec52b46ca02bbb758dea891953388e427bc0a2d7abf0aea0827021b3a1"],
    [15840, 15982, "bab8f6c02a9576106307c6c4519809a1b43f556af7f9f2bf92be652a2f1a6422"],
  ] as const) {
    const padded = encrypt(joiner, utf8("hello"), length).message
    expect([padded.length, toHex(sha256(padded))]).toEqual([size, digest])
  }
})

test("the initiator receives it", () => {
  const initiator = initReceivingRatchet({ version: 3, secrets, keyPair: initiatorKeys.key2 })
  const { state, plaintext } = decrypt(initiator, first, { random: new ScriptedRandom(scalar(0x66)), now: 0 })
  expect(plaintext).toEqual(utf8("hello"))
  expect(toHex(state.keyPair.publicKey.raw)).toBe(
    "728efb375d88d20008f89017f7c6f2bee86be8f08a854d1f38cad9b923076330a8b339d61e9de8eac0bb89bae25cf4c80afd8ffe32bb93a5",
  )
  const sending = state.sending ?? expect.fail("no sending chain")
  expect([state.rootKey, sending.chainKey, state.nextSendingHeaderKey, sending.headerKey].map(toHex)).toEqual(
    [
      "8f6f4db4ddeab8a1501789e00561370014aa8a0bdf5f0fbba68a749b8a0470df",
      "94d94aa348670d24d74f031d94a8e27fc3b9db1d123e0ce44382d48432fb7ceb",
      "26de9edbcd608fd27506a0d668cfb7b06621995a5b9e44892737d13b244b972d",
      "88d2e60da888f80c56834852298ff83c82354ae8be6461210a1e1b2c85cd7ed2",
    ],
  )
  expect(toHex(state.nextReceivingHeaderKey)).toBe(toHex(joiner.nextSendingHeaderKey))
})

// The same with an accepted KEM key. The initiator's pair and what the joiner encapsulates to it come from the streams of sntrup761.md, "Test vector";
// the joiner's own key is, for the example, the initiator's.
describe("with post-quantum agreement", () => {
  const stream = (seed: number): Random => {
    const blocks = Array.from({ length: 200 }, (_, i) =>
      sha256(utf8("sntrup761 test"), Uint8Array.of(seed, 0, 0, i >> 8, i & 0xff)),
    )
    const bytes = new Reader(concatBytes(...blocks))
    return { bytes: (length) => bytes.take(length) }
  }
  const kemRandom = stream(1)
  const { kem } = generateX3dhKeys(
    { bytes: (length) => (length === 56 ? scalar(1) : kemRandom.bytes(length)) },
    { postQuantum: true },
  )
  const initiator = { ...initiatorKeys, kem }
  const own = { ...joinerKeys, kem }
  const hybrid = x3dhJoiner(own, ratchetParametersOf(3, initiator), { random: stream(2) })
  const state = initSendingRatchet({
    version: 3,
    secrets: hybrid,
    peerKey: initiatorKeys.key2.publicKey,
    random: new ScriptedRandom(scalar(0x55)),
  })

  test("key agreement, the same on both sides", () => {
    expect(toHex(hybrid.kemSecret ?? new Uint8Array(0))).toBe(
      "213bfddffdcc56a213176d32326e5d203239297cb662a0af8a853c11b2913ad7",
    )
    const reply = encode(ratchetParameters, ratchetReplyOf(3, own, hybrid))
    expect(reply.length).toBe(2343)
    for (const agreed of [hybrid, x3dhInitiator(initiator, decode(ratchetParameters, reply))]) {
      expect([agreed.headerKey, agreed.nextHeaderKey, agreed.rootKey].map(toHex)).toEqual([
        "93fb0703439f294be49a9f6cbca9b475f8972cc4aa8a619b46f22128d9976a22",
        "eeb8fbdbc008a446e3ca3bf7a4ec3d7fad7b16f26d5e3af5e5c41458b79dfee2",
        "cdb7d6b537a09d0188eecdf692293e35d878410801de11a5153c90cce304a27e",
      ])
    }
  })

  test("the joiner's state and keys", () => {
    const sending = state.sending ?? expect.fail("no sending chain")
    const { chainKey, messageKey, messageIv, headerIv } = deriveChainStep(sending.chainKey)
    const all = [state.rootKey, sending.chainKey, state.nextSendingHeaderKey, chainKey, messageKey]
    expect([...all, messageIv, headerIv].map(toHex)).toEqual([
      "cfc97778f36927766f9ca6814e07a3410f1ca2db0dd0a95c0df98f362046a7de",
      "fe01fda5f76da48bcfe0e93ae0e1ae3911ab18b042a3d1a026788813561490d5",
      "1206f7dd759ef1ec075bd434ee064492a01fe861205b87a0f150a8e71a409077",
      // The specification has one wrong digit here (…61c6…): HKDF of the chain key above it gives this, and the message key and IVs that follow.
      "f748c63713a62a6a7a530530d8b576c4bcce0280126661c43ec8ecaeefca0eac",
      "759a13e5c68025ac626fe6a6c21c93dd99c3b78927ad783a54be9c9eb2c0ee0b",
      "62cbb12abd97a0b37c264c4c4aedc85a",
      "e137c3284c7856dc65bb85d7a081ad9b",
    ])
  })

  test("messages of all lengths, and the initiator reads them", () => {
    for (const [length, size, digest] of [
      [100, 2464, "f2794f4908da6b2d10be48e175880e4056f723be3fb9ee074590cab5f411c06b"],
      [11106, 13470, "c3f3c55fe4f7cd1358e4aab42d69baf1668b555ce55fa115dade4621c59d86ee"],
      [13618, 15982, "32af6560f1fdbd8f8cf3c1ed5016da61a58202468cbe1e9cabb79017495ca871"],
    ] as const) {
      const { message, hybrid: flag } = encrypt(state, utf8("hello"), length)
      expect([message.length, toHex(sha256(message)), flag]).toEqual([size, digest, true])
      expect(toHex(sha256(message.slice(2, 2348)))).toBe(
        "410060558f0a2e1ef10c1e76b53f302e40dc621f93881f35ea042133017ec48c",
      )
      const reply = ratchetReplyOf(3, own, hybrid)
      const reader = initReceivingRatchet({
        version: 3,
        secrets: x3dhInitiator(initiator, reply),
        keyPair: initiatorKeys.key2,
        postQuantum: true,
      })
      const read = decrypt(reader, message, { random: seededRandom("reader"), now: 0 })
      expect([read.plaintext, read.hybrid, read.changed]).toEqual([
        utf8("hello"),
        true,
        ["sending", "receiving"],
      ])
    }
  })
})
