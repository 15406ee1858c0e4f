import { aesGcmSuite } from "./aes-gcm.ts"
import { argon2idSuite } from "./argon2id.ts"
import { boxSuite } from "./box.ts"
import { diffieHellmanSuite } from "./diffie-hellman.ts"
import { hashSuite } from "./hash.ts"
import { hpkeSuite } from "./hpke.ts"
import { keyChecksSuite } from "./key-checks.ts"
import { keyEncodingSuite } from "./key-encoding.ts"
import { keysSuite } from "./keys.ts"
import { paddingSuite } from "./padding.ts"
import type { Platform } from "./platform.ts"
import { propertiesSuite } from "./properties.ts"
import { signatureSuite } from "./signature.ts"
import { xWingSuite } from "./x-wing.ts"
import { describe } from "vitest"

/** Everything that this package promises, on whatever backend `#backend` leads to. */
export function backendSuite(platform: Platform): void {
  describe("AES-GCM", () => {
    aesGcmSuite(platform)
  })
  describe("Argon2id", () => {
    argon2idSuite()
  })
  describe("boxes", () => {
    boxSuite(platform)
  })
  describe("key agreement", () => {
    diffieHellmanSuite()
  })
  describe("hashes", () => {
    hashSuite(platform)
  })
  describe("HPKE", () => {
    hpkeSuite(platform)
  })
  describe("checks of keys", () => {
    keyChecksSuite()
  })
  describe("encoding of keys", () => {
    keyEncodingSuite(platform)
  })
  describe("keys", () => {
    keysSuite()
  })
  describe("padding", () => {
    paddingSuite(platform)
  })
  describe("properties", () => {
    propertiesSuite(platform)
  })
  describe("signatures", () => {
    signatureSuite(platform)
  })
  describe("X-Wing", () => {
    xWingSuite()
  })
}
