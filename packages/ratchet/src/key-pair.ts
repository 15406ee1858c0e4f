import { type Codec, fixed } from "@smpkit/codec"
import { CryptoError, type KeyPair, keySizes, PrivateKey, PublicKey } from "@smpkit/crypto"

const privateBytes = fixed(keySizes.x448.privateKey)
const publicBytes = fixed(keySizes.x448.publicKey)

/** Raw private and public key for the sealed store; both, because the public one is dear to compute. */
export const x448KeyPair: Codec<KeyPair<"x448">> = {
  write: (w, v) => {
    v.privateKey.use((raw) => {
      privateBytes.write(w, raw)
    })
    publicBytes.write(w, v.publicKey.raw)
  },
  read: (r) => {
    const secret = privateBytes.read(r)
    const privateKey = new PrivateKey("x448", secret)
    secret.fill(0)
    return { privateKey, publicKey: rawX448PublicKey.read(r) }
  },
}

/** A raw public key for the sealed store. */
export const rawX448PublicKey: Codec<PublicKey<"x448">> = {
  write: (w, v) => {
    publicBytes.write(w, v.raw)
  },
  read: (r) => {
    try {
      return new PublicKey("x448", publicBytes.read(r))
    } catch (error) {
      if (CryptoError.is(error, "KEY")) return r.fail(error.message)
      throw error
    }
  },
}
