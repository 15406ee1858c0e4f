import { type Bytes, decode, decodeUtf8, fromBase64Url, toHex } from "@smpkit/codec"
import {
  type Alg,
  decodePrivateKey,
  decodePublicKey,
  type KeyPair,
  keyPairOf,
  PrivateKey,
  PublicKey,
} from "@smpkit/crypto"
import type {
  ChainKey,
  HeaderKey,
  KemCiphertext,
  KemKeyPair,
  RatchetState,
  RootKey,
  X3dhKeys,
} from "@smpkit/ratchet"
import type { Vector } from "@smpkit/testkit"
import { kemKeyPair } from "../../packages/ratchet/src/kem-keys.ts"
import { transcriptKem } from "../../packages/ratchet/test/recorded-state.ts"

// The states of recorded agents as states of our own.

/** A key pair of a PKCS8 private key. */
export function pairOf<A extends Alg>(pkcs8: Bytes, alg: A): KeyPair<A> {
  return keyPairOf<A>(decodePrivateKey<A>(pkcs8, [alg]))
}

/** The key agreement keys of an initiator's `ratchets` row; `undefined` once they were used. */
export function recordedX3dh(row: Vector): X3dhKeys | undefined {
  const key1 = row.find("x3dh_priv_key_1")
  const key2 = row.find("x3dh_priv_key_2")
  if (key1 === undefined || key2 === undefined) return undefined
  // 'P', the public key, then the secret one, which holds it as well.
  const kem = row.find("pq_priv_kem")?.bytes().slice(-1763)
  return {
    key1: pairOf(key1.bytes(), "x448"),
    key2: pairOf(key2.bytes(), "x448"),
    ...(kem && { kem: kemPairOf(kem) }),
  }
}

/** The KEM keys of a recorded secret one. */
export function kemPairOf(secretKey: Bytes): KemKeyPair {
  return decode(kemKeyPair, secretKey)
}

/** What a recorded state's last ratchet step made of KEM keys: its own pair, and a secret for the peer's key where it accepted one. */
export function recordedKem(
  v: Vector,
): { readonly secretKey: Bytes; readonly ciphertext?: Bytes; readonly secret?: Bytes } | undefined {
  const kem = v.find("rcKEM")
  if (kem === undefined) return undefined
  const secretKey = fromBase64Url(kem.at("rcPQRs", 1).text())
  const accepted = kem.find("rcKEMs")
  if (accepted === undefined) return { secretKey }
  const [ciphertext, secret] = ["rcPQRct", "rcPQRss"].map((name) => fromBase64Url(accepted.at(name).text()))
  return { secretKey, ...(ciphertext && { ciphertext }), ...(secret && { secret }) }
}

function postQuantumOf(v: Vector): RatchetState["postQuantum"] {
  const kem = recordedKem(v)
  return {
    supported: v.at("rcSupportKEM").boolean(),
    enabled: v.at("rcEnableKEM").boolean(),
    sending: v.at("rcSndKEM").boolean(),
    receiving: v.at("rcRcvKEM").boolean(),
    keys: kem && { ...kemPairOf(kem.secretKey), accepted: kem.ciphertext as KemCiphertext | undefined },
  }
}

/** The `ratchet_state` of a `ratchets` row: the reference's own JSON form. */
export function recordedRatchet(v: Vector): RatchetState {
  const bytes = (from: Vector, name: string): Bytes => fromBase64Url(from.at(name).text())
  const sending = v.find("rcSnd")
  const receiving = v.find("rcRcv")
  return {
    version: v.at("rcVersion", 0).number(),
    maxVersion: v.at("rcVersion", 1).number(),
    ad: bytes(v, "rcAD"),
    // Base64url of base64url of PKCS8.
    keyPair: pairOf(fromBase64Url(decodeUtf8(bytes(v, "rcDHRs")) ?? ""), "x448"),
    rootKey: bytes(v, "rcRK") as RootKey,
    sending: sending && {
      peerKey: decodePublicKey(bytes(sending, "rcDHRr"), ["x448"]),
      chainKey: bytes(sending, "rcCKs") as ChainKey,
      headerKey: bytes(sending, "rcHKs") as HeaderKey,
    },
    receiving: receiving && {
      chainKey: bytes(receiving, "rcCKr") as ChainKey,
      headerKey: bytes(receiving, "rcHKr") as HeaderKey,
    },
    sent: v.at("rcNs").number(),
    received: v.at("rcNr").number(),
    previousSent: v.at("rcPN").number(),
    nextSendingHeaderKey: bytes(v, "rcNHKs") as HeaderKey,
    nextReceivingHeaderKey: bytes(v, "rcNHKr") as HeaderKey,
    postQuantum: postQuantumOf(v),
    skipped: [],
  }
}

/** A state of `agent-transcript.json`. */
export function transcriptRatchet(v: Vector): RatchetState {
  const sending = v.find("Snd")
  const receiving = v.find("Rcv")
  const kem = transcriptKem(v)
  return {
    version: v.at("cur").number(),
    maxVersion: v.at("max").number(),
    ad: v.at("AD").bytes(),
    keyPair: rawPair(v.at("DHRs", "private").bytes(), "x448"),
    rootKey: v.at("RK").bytes() as RootKey,
    sending: sending && {
      peerKey: new PublicKey("x448", sending.at("DHRr").bytes()),
      chainKey: sending.at("CK").bytes() as ChainKey,
      headerKey: sending.at("HK").bytes() as HeaderKey,
    },
    receiving: receiving && {
      chainKey: receiving.at("CK").bytes() as ChainKey,
      headerKey: receiving.at("HK").bytes() as HeaderKey,
    },
    sent: v.at("Ns").number(),
    received: v.at("Nr").number(),
    previousSent: v.at("PN").number(),
    nextSendingHeaderKey: v.at("NHKs").bytes() as HeaderKey,
    nextReceivingHeaderKey: v.at("NHKr").bytes() as HeaderKey,
    postQuantum: {
      supported: v.at("supportKEM").boolean(),
      enabled: v.at("enableKEM").boolean(),
      sending: v.at("sndKEM").boolean(),
      receiving: v.at("rcvKEM").boolean(),
      keys: kem && {
        ...kemPairOf(kem.secretKey),
        accepted: kem.accepted?.ciphertext as KemCiphertext | undefined,
      },
    },
    skipped: [],
  }
}

/** A key pair of a raw private key. */
export function rawPair<A extends Alg>(raw: Bytes, alg: A): KeyPair<A> {
  return keyPairOf(new PrivateKey<A>(alg, raw))
}

/** A state with everything in it that counts, private keys too, in a form that compares. */
export function plainRatchet({ keyPair, sending, ...others }: RatchetState): object {
  return {
    ...others,
    sending: sending && { ...sending, peerKey: toHex(sending.peerKey.raw) },
    publicKey: toHex(keyPair.publicKey.raw),
    privateKey: keyPair.privateKey.use(toHex),
  }
}
