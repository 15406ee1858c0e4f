import { expect, test } from "vitest"
import fc from "fast-check"
import { type Bytes, concatBytes, fromHex, toHex } from "@smpkit/codec"
import { parseCertificate, TransportError } from "@smpkit/transport"
import { certificateOf, keyOf } from "./chains.ts"

test("a leaf, field by field", () => {
  const leaf = parseCertificate(certificateOf("leaf25519"))
  expect(leaf).toMatchObject({
    version: 3,
    signatureAlg: "ed25519",
    notBefore: Date.UTC(2025, 0, 1),
    notAfter: Date.UTC(2035, 0, 1),
    publicKey: keyOf("leaf25519").publicKey,
    basicConstraints: undefined,
    canSignCertificates: false,
  })
  expect(leaf.issuer).toEqual(parseCertificate(certificateOf("ca25519")).subject)
})

test("an authority with a path length, and one of the year 4762", () => {
  expect(parseCertificate(certificateOf("operatorPathLen0"))).toMatchObject({
    signatureAlg: "ed448",
    notAfter: Date.UTC(4762, 0, 1),
    basicConstraints: { ca: true, pathLength: 0 },
    canSignCertificates: true,
  })
  expect(parseCertificate(certificateOf("ca448")).basicConstraints).toEqual({
    ca: true,
    pathLength: undefined,
  })
})

test("version 1 has no extensions", () => {
  expect(parseCertificate(certificateOf("leafV1"))).toMatchObject({ version: 1, basicConstraints: undefined })
})

test.each(["leafP256", "leafX25519", "leafTrailing"])("%s cannot be read", (name) => {
  expect(() => parseCertificate(certificateOf(name))).toThrow(
    expect.objectContaining({ code: "CERTIFICATE" }),
  )
})

test("a date that does not exist", () => {
  const good = toHex(certificateOf("leaf25519"))
  const date = toHex(new TextEncoder().encode("250101000000Z"))
  expect(good).toContain(date)
  for (const bad of ["250230000000Z", "251301000000Z", "250101240000Z", "250101006000Z", "2501010000000"]) {
    const changed = fromHex(good.replace(date, toHex(new TextEncoder().encode(bad))))
    expect(() => parseCertificate(changed)).toThrow(expect.objectContaining({ code: "CERTIFICATE" }))
  }
})

test("a time longer than a call has arguments", () => {
  const element = (tag: number, ...parts: readonly Uint8Array[]): Bytes => {
    const content = concatBytes(...parts)
    const { length } = content
    return concatBytes(Uint8Array.of(tag), derLength(length), content)
  }
  const derLength = (length: number): Uint8Array =>
    length < 128
      ? Uint8Array.of(length)
      : Uint8Array.of(0x83, length >> 16, (length >> 8) & 255, length & 255)
  const algorithm = element(0x30, fromHex("06032b6570"))
  const validity = element(0x30, element(0x17, new Uint8Array(200_000)))
  const signed = element(0x30, element(2, Uint8Array.of(1)), algorithm, element(0x30), validity)
  const der = element(0x30, signed, algorithm, element(3, new Uint8Array(65)))
  expect(() => parseCertificate(der)).toThrow(expect.objectContaining({ code: "CERTIFICATE" }))
})

test("any bytes give a certificate or CERTIFICATE, nothing else", () => {
  const der = certificateOf("operatorPathLen0")
  const outcome = (bytes: Uint8Array<ArrayBuffer>): void => {
    try {
      parseCertificate(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(TransportError)
      expect(error).toMatchObject({ code: "CERTIFICATE" })
    }
  }
  for (let length = 0; length < der.length; length++) {
    expect(() => parseCertificate(der.slice(0, length))).toThrow(TransportError)
  }
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = der.slice()
      changed[at] = (changed[at] ?? 0) ^ flip
      outcome(changed)
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      outcome(new Uint8Array(bytes))
    }),
  )
})
