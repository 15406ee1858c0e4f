import { execFile } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { describe, expect, test } from "vitest"
import { type SignAlg, systemRandom } from "@smpkit/crypto"
import { seededRandom } from "@smpkit/testkit"
import { fingerprint, parseCertificate, serverIdentity, verifyChain } from "@smpkit/transport"
import { createIdentity, createLeaf, decodePem, encodePem } from "@smpkit/transport/tls"
import { createIdentityOf } from "../src/tls/certificate-writer.ts"

const run = promisify(execFile)
const now = Date.UTC(2026, 5, 15, 12)
const yearMs = 365 * 86_400_000
const algs: readonly SignAlg[] = ["ed25519", "ed448"]

describe.each(algs)("a new identity, %s", (alg) => {
  const made = createIdentityOf(alg, { host: "smp.example.org", now, random: seededRandom(alg) })

  test("openssl verify -x509_strict accepts it", async () => {
    const dir = await mkdtemp(join(tmpdir(), "smpkit-certificates-"))
    try {
      await writeFile(join(dir, "ca.pem"), encodePem("CERTIFICATE", made.caCertificate))
      await writeFile(join(dir, "leaf.pem"), encodePem("CERTIFICATE", made.leafCertificate))
      const { stdout } = await run(
        "openssl",
        [
          "verify",
          "-x509_strict",
          "-attime",
          String(now / 1000),
          "-purpose",
          "sslserver",
          "-CAfile",
          "ca.pem",
          "leaf.pem",
        ],
        { cwd: dir },
      )
      expect(stdout).toBe("leaf.pem: OK\n")
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  test("is what the network expects of a server's certificates", () => {
    const ca = new X509Certificate(made.caCertificate)
    const leaf = new X509Certificate(made.leafCertificate)
    expect(ca.subject).toBe("CN=SMP server CA\nO=SimpleX")
    expect(ca.ca).toBe(true)
    expect(ca.verify(ca.publicKey)).toBe(true)
    expect(leaf.subject).toBe("CN=smp.example.org")
    expect(leaf.ca).toBe(false)
    expect(leaf.checkIssued(ca)).toBe(true)
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"])
    expect(leaf.publicKey.asymmetricKeyType).toBe(alg)
    expect(new Date(ca.validTo).getUTCFullYear()).toBeGreaterThan(4000)
  })

  test("passes our own verification, for at most one year", () => {
    const { chain, keyHash } = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
    const { notBefore, notAfter, canSignCertificates } = parseCertificate(made.leafCertificate)
    expect(notAfter - notBefore).toBeLessThanOrEqual(yearMs)
    expect(canSignCertificates).toBe(false)
    expect(parseCertificate(made.caCertificate)).toMatchObject({
      basicConstraints: { ca: true, pathLength: undefined },
      canSignCertificates: true,
    })
    for (const at of [now - 60_000, now, now + yearMs - 86_400_000]) {
      expect(() => verifyChain(chain, { keyHash, now: at })).not.toThrow()
    }
    expect(() => verifyChain(chain, { keyHash, now: now + yearMs })).toThrow(/expired/)
  })

  test("a renewed leaf has a new key and the same identity", () => {
    const later = now + yearMs
    const renewed = createLeaf({ ...made, host: "smp.example.org", now: later, random: systemRandom })
    const identity = serverIdentity([renewed.leafCertificate, made.caCertificate], renewed.leafKey)
    expect(identity.keyHash).toEqual(fingerprint(made.caCertificate))
    expect(renewed.leafKey.publicKey).not.toEqual(made.leafKey.publicKey)
    expect(() => verifyChain(identity.chain, { keyHash: identity.keyHash, now: later })).not.toThrow()
  })
})

test("a leaf that crosses into 2050 has its end in the long form of time", () => {
  const at = Date.UTC(2049, 6, 1)
  const made = createIdentity({ host: "localhost", now: at, random: seededRandom("2049") })
  const { notBefore, notAfter } = parseCertificate(made.leafCertificate)
  expect(notBefore).toBe(at - 3_600_000)
  expect(notAfter).toBe(notBefore + yearMs)
})

test("a host name of more than 64 characters is cut in the certificate", () => {
  const made = createIdentity({ host: `${"a".repeat(63)}.example.org`, now, random: seededRandom("long") })
  expect(new X509Certificate(made.leafCertificate).subject).toBe(`CN=${"a".repeat(63)}.`)
})

test("the key of another identity makes no leaf", () => {
  const [one, two] = ["1", "2"].map((seed) => createIdentity({ host: "h", now, random: seededRandom(seed) }))
  if (one === undefined || two === undefined) throw new Error("two identities")
  expect(() =>
    createLeaf({ caKey: two.caKey, caCertificate: one.caCertificate, host: "h", now, random: systemRandom }),
  ).toThrow(expect.objectContaining({ code: "CERTIFICATE" }))
})

test("PEM comes back as it was, also several in one file", () => {
  const { caCertificate, leafCertificate } = createIdentity({ host: "h", now, random: seededRandom("pem") })
  const text = encodePem("CERTIFICATE", leafCertificate) + encodePem("CERTIFICATE", caCertificate)
  expect(decodePem("CERTIFICATE", text)).toEqual([leafCertificate, caCertificate])
  expect(text.split("\n").every((line) => line.length <= 64)).toBe(true)
  expect(() => decodePem("PRIVATE KEY", text)).toThrow(expect.objectContaining({ code: "CERTIFICATE" }))
})
