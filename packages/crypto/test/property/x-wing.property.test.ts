import { hpkeOpenBase, hpkeSealBase, loadXWing } from "@smpkit/crypto"
import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core"
import { XWing } from "@hpke/hybridkem-x-wing"
import { ml_kem768_x25519 as nobleXWing } from "@noble/post-quantum/hybrid.js"
import fc from "fast-check"
import sodium from "libsodium-wrappers-sumo"
import { expect, test } from "vitest"

const numRuns = process.env["SLOW"] === "1" ? 300 : 10
const exactly = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((b) => new Uint8Array(b))
const message = fc.uint8Array({ maxLength: 300 }).map((b) => new Uint8Array(b))
const own = (bytes: Uint8Array) => new Uint8Array(bytes)

test("X-Wing, against that of libsodium and that of noble", async () => {
  const xWing = await loadXWing()
  await sodium.ready
  fc.assert(
    fc.property(exactly(32), exactly(64), fc.nat(1119), (seed, randomness, at) => {
      const publicKey = xWing.publicKey(seed)
      expect(publicKey).toEqual(own(sodium.crypto_kem_xwing_seed_keypair(seed).publicKey))
      expect(publicKey).toEqual(own(nobleXWing.keygen(seed).publicKey))
      const made = xWing.encapsulate(publicKey, randomness)
      const wasm = sodium.crypto_kem_xwing_enc_deterministic(publicKey, randomness)
      expect(made).toEqual({ ciphertext: own(wasm.ciphertext), sharedSecret: own(wasm.sharedSecret) })
      const noble = nobleXWing.encapsulate(publicKey, randomness)
      expect(made).toEqual({ ciphertext: own(noble.cipherText), sharedSecret: own(noble.sharedSecret) })
      const changed = own(made.ciphertext)
      changed[at] = (changed[at] ?? 0) ^ 1
      for (const ciphertext of [made.ciphertext, changed]) {
        const secret = xWing.decapsulate(seed, ciphertext)
        expect(secret).toEqual(own(sodium.crypto_kem_xwing_dec(ciphertext, seed)))
        expect(secret).toEqual(own(nobleXWing.decapsulate(ciphertext, seed)))
      }
    }),
    { numRuns },
  )
})

// The other library reads `.buffer` of what it is given: each array here has a buffer of its own.
test("HPKE, both ways against @hpke/core", async () => {
  const xWing = await loadXWing()
  const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  await fc.assert(
    fc.asyncProperty(
      exactly(32),
      exactly(64),
      message,
      message,
      message,
      async (seed, randomness, info, aad, plaintext) => {
        const publicKey = xWing.publicKey(seed)
        const theirKey = await suite.kem.importKey("raw", own(publicKey).buffer)
        const theirs = {
          publicKey: theirKey,
          privateKey: await suite.kem.importKey("raw", own(seed).buffer, false),
        }
        const ours = hpkeSealBase(xWing, { publicKey, info, aad, plaintext, randomness })
        const recipient = await suite.createRecipientContext({
          recipientKey: theirs.privateKey,
          enc: ours.enc.buffer,
          info: own(info).buffer,
        })
        const opened = await recipient.open(own(ours.sealed).buffer, own(aad).buffer)
        expect(new Uint8Array(opened)).toEqual(plaintext)

        const sender = await suite.createSenderContext({
          recipientPublicKey: theirs.publicKey,
          info: own(info).buffer,
        })
        const sealed = new Uint8Array(await sender.seal(own(plaintext).buffer, own(aad).buffer))
        const enc = new Uint8Array(sender.enc)
        expect(hpkeOpenBase(xWing, { seed, enc, info, aad, sealed })).toEqual(plaintext)
      },
    ),
    { numRuns },
  )
})
