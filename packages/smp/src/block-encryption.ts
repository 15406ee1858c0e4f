import type { Bytes } from "@smpkit/codec"
import {
  boxKey,
  boxTagSize,
  type Brand,
  CryptoError,
  hkdfSha512,
  openBox,
  pad,
  sealBoxInPlace,
  type SharedSecret,
} from "@smpkit/crypto"

// smp-transport.md, "Blocks" and "Block encryption".

/** Every block of SMP, both ways, the handshake's too. */
export const blockSize = 16_384
/** The most that a block holds when it is not encrypted: two bytes tell the length. */
export const plainContentSize: number = blockSize - 2
/** The most that an encrypted block holds. */
export const sealedContentSize: number = blockSize - boxTagSize - 2

/** The first version whose blocks are encrypted. */
export const blockEncryptionVersion = 11

/** The key of one direction, from which the key of its next block is derived. */
export type BlockChainKey = Brand<Bytes, "BlockChainKey">

/** The first chain keys of a session, one a direction. */
export interface BlockKeys {
  readonly serverToClient: BlockChainKey
  readonly clientToServer: BlockChainKey
}

/** Chain keys of a session id and the secret that both session keys give. */
export function blockChains(sessionId: Uint8Array, sessionSecret: SharedSecret): BlockKeys {
  const out = hkdfSha512(sessionSecret, sessionId, "SimpleXSbChainInit", 64)
  return {
    serverToClient: out.slice(0, 32) as BlockChainKey,
    clientToServer: out.slice(32) as BlockChainKey,
  }
}

const noSalt = new Uint8Array(0)

/** One direction's chain: a key and a nonce for every block, used once. */
class BlockChain implements Disposable {
  #key: Bytes
  constructor(key: BlockChainKey) {
    this.#key = key.slice()
  }
  next(): { readonly key: Bytes; readonly nonce: Bytes } {
    const out = hkdfSha512(this.#key, noSalt, "SimpleXSbChain", 88)
    this.#key.set(out.subarray(0, 32))
    return { key: out.subarray(32, 64), nonce: out.subarray(64) }
  }
  [Symbol.dispose](): void {
    this.#key.fill(0)
  }
}

/** Encrypts the blocks of one direction, in the order in which they are sent. */
export class BlockSealer implements Disposable {
  readonly #chain: BlockChain
  constructor(key: BlockChainKey) {
    this.#chain = new BlockChain(key)
  }
  /** A block of 16,384 bytes. Throws `RangeError`, and advances nothing, for more than 16,366 bytes. */
  seal(content: Uint8Array): Bytes {
    if (content.length > sealedContentSize)
      throw new RangeError(`${content.length} bytes do not fit ${sealedContentSize}`)
    // Padded and sealed where it stands: a block is copied once, here.
    const block = new Uint8Array(blockSize)
    block[boxTagSize] = content.length >> 8
    block[boxTagSize + 1] = content.length & 0xff
    block.set(content, boxTagSize + 2)
    block.fill(0x23, boxTagSize + 2 + content.length)
    const { key, nonce } = this.#chain.next()
    sealBoxInPlace(boxKey(key), nonce, block)
    key.fill(0)
    return block
  }
  [Symbol.dispose](): void {
    this.#chain[Symbol.dispose]()
  }
}

/** Decrypts the blocks of one direction, in the order in which they came. */
export class BlockOpener implements Disposable {
  readonly #chain: BlockChain
  constructor(key: BlockChainKey) {
    this.#chain = new BlockChain(key)
  }
  /** The content of a block. Throws `CryptoError DECRYPT`; the chain advances all the same, so that the next block opens. */
  open(block: Uint8Array): Bytes {
    const { key, nonce } = this.#chain.next()
    try {
      return contentOf(openBox(boxKey(key), nonce, block))
    } catch (error) {
      if (CryptoError.is(error, "PADDING")) throw new CryptoError("DECRYPT", "a block that does not open")
      throw error
    } finally {
      key.fill(0)
    }
  }
  [Symbol.dispose](): void {
    this.#chain[Symbol.dispose]()
  }
}

/** A block that is not encrypted. Throws `RangeError` for more than 16,382 bytes. */
export function padBlock(content: Uint8Array): Bytes {
  return pad(content, blockSize)
}

/** The content of a block that is not encrypted. Throws `CryptoError PADDING`. */
export function unpadBlock(block: Bytes): Bytes {
  return contentOf(block)
}

// The content is a view into the block that it came in: nobody else holds that block, and 16 KB need not be copied once more.
function contentOf(padded: Bytes): Bytes {
  const length = ((padded[0] ?? 0) << 8) | (padded[1] ?? 0)
  if (padded.length < 2 || length > padded.length - 2)
    throw new CryptoError("PADDING", "padding that is not one")
  return padded.subarray(2, 2 + length)
}
