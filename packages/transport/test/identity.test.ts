import { describe, expect, test } from "vitest"
import { type Bytes, decode, toBase64Url } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import { certificateChain } from "@smpkit/smp"
import { loadVectors, type Vector } from "@smpkit/testkit"
import { fingerprint, serverIdentity, TransportError, verifyChain } from "@smpkit/transport"
import { certificateOf, chainTime, damaged, goodChains, identityOf, keyOf } from "./chains.ts"

const vectors = loadVectors("channel")

/** The chain inside a channel hello: `list8(str16)` in a field filled with zeros. */
function chainIn(hello: Bytes): readonly Bytes[] {
  const at = 1_255
  let end = at + 1
  for (let i = 0; i < (hello[at] ?? 0); i++) end += 2 + (((hello[end] ?? 0) << 8) | (hello[end + 1] ?? 0))
  return decode(certificateChain, hello.subarray(at, end))
}

function errorOf(f: () => unknown): unknown {
  try {
    f()
  } catch (error) {
    return error
  }
  throw new Error("it did not throw")
}

describe("chains that hold", () => {
  test.each(Object.entries(goodChains))("%s", (_name, names) => {
    const { chain, keyHash, leafKey } = identityOf(names)
    const verified = verifyChain(chain, { keyHash, now: chainTime })
    expect(verified.leafKey).toEqual(leafKey.publicKey)
  })

  test.each(vectors.at("runs").items())("channel.json, run %#", (run) => {
    const client = run.at("client")
    const chain = chainIn(run.at("hello", "used").bytes())
    expect(() =>
      verifyChain(chain, { keyHash: client.at("identity").bytes(), now: 1000 * client.at("now").number() }),
    ).not.toThrow()
  })

  test("neither dates nor constraints of the last certificate matter", () => {
    const names = ["leaf25519", "identity25519", "operatorAnchor"]
    const { chain, keyHash } = identityOf(names)
    expect(() => verifyChain(chain.slice(0, 2), { keyHash, now: chainTime })).not.toThrow()
  })
})

describe("channel.json, chains that do not hold", () => {
  const runs = new Map(
    vectors
      .at("runs")
      .items()
      .map((run) => [run.at("name").text(), run]),
  )
  const expected = new Map([
    ["IDENTITY", "FINGERPRINT"],
    ["CHAIN", "CERTIFICATE"],
    ["EXPIRED", "CERTIFICATE"],
  ])
  const cases = vectors
    .at("clientErrors")
    .items()
    .filter((item) => expected.has(item.at("code").text()))
    .map((item): [string, Vector] => [item.at("name").text(), item])

  test("are all there", () => {
    expect(cases.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        "otherIdentity",
        "eveAnchor",
        "eveAnchorFour",
        "leafExpired",
        "pathLength",
        "leafV1",
      ]),
    )
    expect(cases.length).toBe(19)
  })

  test.each(cases)("%s", (_name, item) => {
    const client = runs.get(item.at("run").text())?.at("client")
    const override = item.find("client")
    const keyHash = (override?.find("identity") ?? client?.at("identity"))?.bytes()
    const now = (override?.find("now") ?? client?.at("now"))?.number()
    if (keyHash === undefined || now === undefined) throw new Error("no identity")
    const chain = chainIn(item.at("receive", 0, "hex").bytes())
    const error = errorOf(() => verifyChain(chain, { keyHash, now: 1000 * now }))
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({ code: expected.get(item.at("code").text()) })
  })
})

describe("a chain", () => {
  const { chain, keyHash } = identityOf(goodChains.four)

  test.each([0, 1, 5])("of %i certificates is refused", (n) => {
    const other = Array.from({ length: n }, (_, i) => chain[Math.min(i, 3)] ?? new Uint8Array())
    expect(errorOf(() => verifyChain(other, { keyHash, now: chainTime }))).toMatchObject({
      code: "CERTIFICATE",
      message: `a chain of ${n} certificates, where 2 to 4 belong`,
    })
  })

  test("of another server names both fingerprints, before anything in it is parsed", () => {
    const garbage = [new Uint8Array([1]), new Uint8Array([2])]
    expect(errorOf(() => verifyChain(garbage, { keyHash, now: chainTime }))).toMatchObject({
      code: "FINGERPRINT",
      message: `the server is not the one of the address: expected fingerprint ${toBase64Url(keyHash)}, received ${toBase64Url(sha256(new Uint8Array([2])))}`,
    })
  })

  test.each([0, 1, 2])("with certificate %i damaged is refused", (i) => {
    const bad = chain.map((certificate, k) => (k === i ? damaged(certificate) : certificate))
    const hash = fingerprint(bad[1] ?? new Uint8Array())
    expect(errorOf(() => verifyChain(bad, { keyHash: hash, now: chainTime }))).toMatchObject({
      code: "CERTIFICATE",
    })
  })

  test("says when a certificate expired, and when it is not yet valid", () => {
    expect(errorOf(() => verifyChain(chain, { keyHash, now: Date.UTC(2035, 0, 1, 0, 0, 1) }))).toMatchObject({
      code: "CERTIFICATE",
      message: "the server's certificate expired on 2035-01-01",
    })
    expect(() => verifyChain(chain, { keyHash, now: Date.UTC(2035, 0, 1) })).not.toThrow()
    expect(errorOf(() => verifyChain(chain, { keyHash, now: Date.UTC(2024, 11, 31) }))).toMatchObject({
      message: "the server's certificate is not valid before 2025-01-01",
    })
  })

  test("with a stranger's leaf beside the real identity is refused, whatever stands after it", () => {
    const real = fingerprint(certificateOf("identity25519"))
    for (const names of [
      ["leafUnderEveAnchor", "identity25519", "eveAnchor"],
      ["leafUnderEveAnchor", "identity25519", "operator25519", "eveAnchor"],
      ["leafUnderEveAnchor", "identity25519"],
      ["eveLeaf", "identity25519", "operatorAnchor"],
    ]) {
      const error = errorOf(() => verifyChain(names.map(certificateOf), { keyHash: real, now: chainTime }))
      expect(error).toMatchObject({
        code: "CERTIFICATE",
        message: "certificate 1 of the chain is not issued by the next one",
      })
    }
  })
})

describe("a server's own identity", () => {
  test("needs the leaf's key", () => {
    const names = goodChains["two, Ed25519"]
    expect(errorOf(() => serverIdentity(names.map(certificateOf), keyOf("eveLeaf")))).toMatchObject({
      code: "CERTIFICATE",
    })
    expect(errorOf(() => serverIdentity(names.map(certificateOf), keyOf("leaf448")))).toMatchObject({
      code: "CERTIFICATE",
    })
  })

  test("needs a chain that holds", () => {
    const names = ["leafUnderEveAnchor", "identity25519", "eveAnchor"]
    expect(errorOf(() => serverIdentity(names.map(certificateOf), keyOf("eveLeaf")))).toMatchObject({
      code: "CERTIFICATE",
    })
  })
})
