import { cpuTime } from "./cpu-time.mjs"
import {
  aesGcmOpen,
  aesGcmSeal,
  dh,
  generateKeyPair,
  hkdfSha512,
  sntrup761,
  systemRandom as random,
} from "./workspace.mjs"

const info = "SimpleXChainRatchet"

/** What a ratchet cannot do without, and nothing around it, in milliseconds: the same three as `ratchetTimes`. */
export function primitiveTimes(postQuantum, count) {
  const key = random.bytes(32)
  const iv = random.bytes(16)
  const header = random.bytes(postQuantum ? 2310 : 88)
  const body = random.bytes(postQuantum ? 13_618 : 15_840)
  const ad = random.bytes(112)
  const bodyAd = random.bytes(112 + header.length + 36)
  const sealed = { header: aesGcmSeal(key, iv, ad, header), body: aesGcmSeal(key, iv, bodyAd, body) }
  const kdf = cpuTime(count, () => hkdfSha512(key, iv, info, 96))
  const seal = cpuTime(count, () => {
    aesGcmSeal(key, iv, ad, header)
    aesGcmSeal(key, iv, bodyAd, body)
  })
  const open = cpuTime(count, () => {
    aesGcmOpen(key, iv, ad, sealed.header)
    aesGcmOpen(key, iv, bodyAd, sealed.body)
  })
  const few = Math.ceil(count / 4)
  const pair = generateKeyPair("x448", random)
  const { publicKey } = generateKeyPair("x448", random)
  const agreements = cpuTime(few, () => {
    dh(pair.privateKey, publicKey)
    dh(generateKeyPair("x448", random).privateKey, publicKey)
  })
  const kem = postQuantum ? kemTime(few) : 0
  return {
    encryptMs: kdf + seal,
    decryptMs: kdf + open,
    // The root key moves on twice, and one message key is made.
    stepMs: 3 * kdf + open + agreements + kem,
    kemMs: kem,
  }
}

/** A key pair, a secret encapsulated and one decapsulated. */
function kemTime(count) {
  const { publicKey, secretKey } = sntrup761.generateKeyPair(random)
  const { ciphertext } = sntrup761.encapsulate(publicKey, random)
  return cpuTime(count, () => {
    sntrup761.generateKeyPair(random)
    sntrup761.encapsulate(publicKey, random)
    sntrup761.decapsulate(secretKey, ciphertext)
  })
}
