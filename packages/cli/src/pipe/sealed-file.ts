import { open, readFile, rename } from "node:fs/promises"
import { type Bytes, concatBytes, utf8 } from "@smpkit/codec"
import { aesGcmOpen, aesGcmSeal, argon2Floor, argon2id, CryptoError, type Random } from "@smpkit/crypto"
import { codeOf, CommandError } from "../failure.ts"

const magic = utf8("smpkit sealed file 1\n")
const saltSize = 16
const ivSize = 12

/**
 * A small file beside an agent's store, sealed with the same passphrase: `magic ++ salt (16) ++ IV (12) ++ AES-256-GCM`, key by
 * Argon2id, magic and salt as associated data. Written as a whole, durably, private to its owner.
 */
export class SealedFile {
  readonly #path: string
  readonly #random: Random
  readonly #head: Bytes
  readonly #passphrase: string
  #derived: Bytes | undefined

  private constructor(path: string, passphrase: string, salt: Bytes, random: Random) {
    this.#path = path
    this.#random = random
    this.#head = concatBytes(magic, salt)
    this.#passphrase = passphrase
  }

  /** The file and what is in it; `undefined` where there is none yet. Throws `CommandError` FAILED when it does not open. */
  static async open(
    path: string,
    { passphrase, random }: { readonly passphrase: string; readonly random: Random },
  ): Promise<{ readonly file: SealedFile; readonly content: Bytes | undefined }> {
    const sealed = await readIfThere(path)
    if (sealed === undefined)
      return { file: new SealedFile(path, passphrase, random.bytes(saltSize), random), content: undefined }
    const headSize = magic.length + saltSize
    const file = new SealedFile(path, passphrase, sealed.slice(magic.length, headSize), random)
    const iv = sealed.subarray(headSize, headSize + ivSize)
    try {
      return {
        file,
        content: aesGcmOpen(file.#key, iv, sealed.slice(0, headSize), sealed.subarray(headSize + ivSize)),
      }
    } catch (error) {
      if (!CryptoError.is(error, "DECRYPT")) throw error
      throw damaged(path, error)
    }
  }

  /** Derived when it is needed first: most folders have no such file. */
  get #key(): Bytes {
    return (this.#derived ??= argon2id(utf8(this.#passphrase), this.#head.slice(magic.length), argon2Floor))
  }

  /** Replaces the content; on disk when it resolves. */
  async write(content: Bytes): Promise<void> {
    const iv = this.#random.bytes(ivSize)
    const next = `${this.#path}.new`
    {
      await using file = await open(next, "w", 0o600)
      await file.writeFile(concatBytes(this.#head, iv, aesGcmSeal(this.#key, iv, this.#head, content)))
      await file.sync()
    }
    await rename(next, this.#path)
  }
}

async function readIfThere(path: string): Promise<Bytes | undefined> {
  let bytes: Bytes
  try {
    bytes = new Uint8Array(await readFile(path))
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
  if (bytes.length < magic.length + saltSize + ivSize) throw damaged(path)
  return bytes
}

function damaged(path: string, cause?: unknown): CommandError {
  return new CommandError(
    "FAILED",
    `${path} is damaged or of another passphrase: move it away and make new pipes under new names`,
    {
      cause,
    },
  )
}
