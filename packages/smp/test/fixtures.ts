import type { Bytes } from "@smpkit/codec"
import { type Alg, decodePrivateKey, type KeyPair, keyPairOf, PrivateKey } from "@smpkit/crypto"
import { hex, loadVectors, ramp, type Vector } from "@smpkit/testkit"

/** The key pair of a name in a file of vectors. */
export function vectorKey<A extends Alg>(keys: Vector, name: string, alg: A): KeyPair<A> {
  return keyPairOf(decodePrivateKey(keys.at(name, "privateDer").bytes(), [alg]))
}

const pair = <A extends Alg>(alg: A, start: number, length: number): KeyPair<A> =>
  keyPairOf(new PrivateKey(alg, ramp(start, length)))

/** Fixtures of encoding.md, "Fixtures and worked examples". */
export const rk: KeyPair<"ed25519"> = pair("ed25519", 0x00, 32)
export const rk448: KeyPair<"ed448"> = pair("ed448", 0x00, 57)
export const rdh: KeyPair<"x25519"> = pair("x25519", 0x40, 32)
export const srvDh: KeyPair<"x25519"> = pair("x25519", 0x60, 32)
export const srvSess: KeyPair<"x25519"> = pair("x25519", 0x80, 32)
export const sk: KeyPair<"x25519"> = pair("x25519", 0xc0, 32)
export const e2eS: KeyPair<"x25519"> = pair("x25519", 0xe0, 32)
export const e2eR: KeyPair<"x25519"> = pair("x25519", 0x11, 32)
export const cmdKey: KeyPair<"x25519"> = pair("x25519", 0x21, 32)
export const serviceKey: KeyPair<"ed25519"> = pair("ed25519", 0x77, 32)
export const sessionId: Bytes = ramp(0x01, 32)
export const corrId: Bytes = ramp(0x30, 24)
export const rId: Bytes = ramp(0x50, 24)
export const sId: Bytes = ramp(0x70, 24)
export const nId: Bytes = ramp(0x99, 24)
export const msgId: Bytes = ramp(0x90, 24)
export const kh: Bytes = hex("2dc25431f561c03f32c6302249a0f3cc6177fa42c6e14874165fd9223ad1c232")
/** 1641032645 in the layout of a time: 2022-01-01T10:24:05Z. */
export const time = 1641032645

export const commandVectors: Vector = loadVectors("smp-commands")
export const vectorPairs = {
  ed25519_1: vectorKey(commandVectors.at("keys"), "ed25519_1", "ed25519"),
  ed25519_2: vectorKey(commandVectors.at("keys"), "ed25519_2", "ed25519"),
  ed448_1: vectorKey(commandVectors.at("keys"), "ed448_1", "ed448"),
  x25519_1: vectorKey(commandVectors.at("keys"), "x25519_1", "x25519"),
  x25519_2: vectorKey(commandVectors.at("keys"), "x25519_2", "x25519"),
  x25519_3: vectorKey(commandVectors.at("keys"), "x25519_3", "x25519"),
}

/** 24 times the code of a letter, the ids of the vectors. */
export const letters = (letter: string, length = 24): Bytes =>
  new Uint8Array(length).fill(letter.charCodeAt(0))
export const versions: readonly number[] = Array.from({ length: 13 }, (_, i) => i + 6)
