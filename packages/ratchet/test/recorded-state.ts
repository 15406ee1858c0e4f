import { type Bytes, decode, fromBase64Url, fromHex, toHex } from "@smpkit/codec"
import { type KeyPair, keyPairOf, PrivateKey } from "@smpkit/crypto"
import type { KemKeyPair, RatchetState } from "@smpkit/ratchet"
import type { Vector } from "@smpkit/testkit"
import { kemKeyPair } from "../src/kem-keys.ts"
import type { RecordedStep } from "./scripted-kem.ts"

/** A state in one form, whoever wrote it. */
export interface PlainState {
  readonly version: number
  readonly maxVersion: number
  readonly ad: string
  readonly privateKey: string
  readonly rootKey: string
  readonly sending:
    { readonly peerKey: string; readonly chainKey: string; readonly headerKey: string } | undefined
  readonly receiving: { readonly chainKey: string; readonly headerKey: string } | undefined
  readonly counts: readonly [sent: number, received: number, previousSent: number]
  readonly nextHeaderKeys: readonly [sending: string, receiving: string]
  readonly postQuantum: readonly [supported: boolean, enabled: boolean, sending: boolean, receiving: boolean]
  readonly kem: { readonly secretKey: string; readonly ciphertext: string | undefined } | undefined
}

export function plainState(s: RatchetState): PlainState {
  return {
    version: s.version,
    maxVersion: s.maxVersion,
    ad: toHex(s.ad),
    privateKey: s.keyPair.privateKey.use(toHex),
    rootKey: toHex(s.rootKey),
    sending: s.sending && {
      peerKey: toHex(s.sending.peerKey.raw),
      chainKey: toHex(s.sending.chainKey),
      headerKey: toHex(s.sending.headerKey),
    },
    receiving: s.receiving && {
      chainKey: toHex(s.receiving.chainKey),
      headerKey: toHex(s.receiving.headerKey),
    },
    counts: [s.sent, s.received, s.previousSent],
    nextHeaderKeys: [toHex(s.nextSendingHeaderKey), toHex(s.nextReceivingHeaderKey)],
    postQuantum: [
      s.postQuantum.supported,
      s.postQuantum.enabled,
      s.postQuantum.sending,
      s.postQuantum.receiving,
    ],
    kem: s.postQuantum.keys && {
      secretKey: toHex(s.postQuantum.keys.privateKey),
      ciphertext: s.postQuantum.keys.accepted && toHex(s.postQuantum.keys.accepted),
    },
  }
}

const base64 = (v: Vector, name: string): string => toHex(fromBase64Url(v.at(name).text()))
const spkiPrefix = 12
const pkcs8Prefix = 16

/** A state of `ratchet.json`: the reference's own JSON form. */
export function recordedState(v: Vector): PlainState {
  const sending = v.find("rcSnd")
  const receiving = v.find("rcRcv")
  return {
    version: v.at("rcVersion", 0).number(),
    maxVersion: v.at("rcVersion", 1).number(),
    ad: base64(v, "rcAD"),
    privateKey: toHex(recordedPrivateKey(v)),
    rootKey: base64(v, "rcRK"),
    sending: sending && {
      peerKey: base64(sending, "rcDHRr").slice(2 * spkiPrefix),
      chainKey: base64(sending, "rcCKs"),
      headerKey: base64(sending, "rcHKs"),
    },
    receiving: receiving && { chainKey: base64(receiving, "rcCKr"), headerKey: base64(receiving, "rcHKr") },
    counts: [v.at("rcNs").number(), v.at("rcNr").number(), v.at("rcPN").number()],
    nextHeaderKeys: [base64(v, "rcNHKs"), base64(v, "rcNHKr")],
    postQuantum: [
      v.at("rcSupportKEM").boolean(),
      v.at("rcEnableKEM").boolean(),
      v.at("rcSndKEM").boolean(),
      v.at("rcRcvKEM").boolean(),
    ],
    kem: plainKem(recordedKem(v)),
  }
}

function plainKem(step: RecordedStep | undefined): PlainState["kem"] {
  return (
    step && {
      secretKey: toHex(step.secretKey),
      ciphertext: step.accepted && toHex(step.accepted.ciphertext),
    }
  )
}

/** The KEM keys of such a state: what its last step made. */
export function recordedKem(v: Vector): RecordedStep | undefined {
  const kem = v.find("rcKEM")
  if (kem === undefined) return undefined
  const accepted = kem.find("rcKEMs")
  const bytes = (from: Vector, name: string): Bytes => fromBase64Url(from.at(name).text())
  return {
    secretKey: fromBase64Url(kem.at("rcPQRs", 1).text()),
    accepted: accepted && {
      peerKey: bytes(accepted, "rcPQRr"),
      secret: bytes(accepted, "rcPQRss"),
      ciphertext: bytes(accepted, "rcPQRct"),
    },
  }
}

/** The ratchet's private key in such a state: base64url of base64url of PKCS8. */
export function recordedPrivateKey(v: Vector): Bytes {
  const der = fromBase64Url(new TextDecoder().decode(fromBase64Url(v.at("rcDHRs").text())))
  return der.slice(pkcs8Prefix, pkcs8Prefix + 56)
}

/** Skipped keys as `ratchet.json` lists them. */
export function recordedSkipped(v: Vector): readonly object[] {
  return v.items().map((k) => ({
    headerKey: base64(k, "headerKey"),
    number: k.at("msgN").number(),
    messageKey: base64(k, "messageKey"),
    iv: k.at("iv").text(),
  }))
}

export function plainSkipped(s: RatchetState): readonly object[] {
  return s.skipped.flatMap(({ headerKey, keys }) =>
    keys.map(({ number, messageKey, iv }) => ({
      headerKey: toHex(headerKey),
      number,
      messageKey: toHex(messageKey),
      iv: toHex(iv),
    })),
  )
}

/** A state of `agent-transcript.json`. */
export function transcriptState(v: Vector): PlainState {
  const sending = v.find("Snd")
  const receiving = v.find("Rcv")
  return {
    version: v.at("cur").number(),
    maxVersion: v.at("max").number(),
    ad: v.at("AD").text(),
    privateKey: v.at("DHRs", "private").text(),
    rootKey: v.at("RK").text(),
    sending: sending && {
      peerKey: sending.at("DHRr").text(),
      chainKey: sending.at("CK").text(),
      headerKey: sending.at("HK").text(),
    },
    receiving: receiving && { chainKey: receiving.at("CK").text(), headerKey: receiving.at("HK").text() },
    counts: [v.at("Ns").number(), v.at("Nr").number(), v.at("PN").number()],
    nextHeaderKeys: [v.at("NHKs").text(), v.at("NHKr").text()],
    postQuantum: [
      v.at("supportKEM").boolean(),
      v.at("enableKEM").boolean(),
      v.at("sndKEM").boolean(),
      v.at("rcvKEM").boolean(),
    ],
    kem: plainKem(transcriptKem(v)),
  }
}

/** The KEM keys of such a state, or of one of the transcript's steps. */
export function transcriptKem(v: Vector): RecordedStep | undefined {
  const kem = v.find("kem")
  if (kem === undefined) return undefined
  const accepted = kem.find("accepted")
  return {
    secretKey: kem.at("own", "secret").bytes(),
    accepted: accepted && {
      peerKey: accepted.at("pk").bytes(),
      secret: accepted.at("ss").bytes(),
      ciphertext: accepted.at("ct").bytes(),
    },
  }
}

/** A key pair of a raw private key, given as bytes or hexadecimal digits. */
export function x448Pair(raw: Bytes | string): KeyPair<"x448"> {
  return keyPairOf(new PrivateKey("x448", typeof raw === "string" ? fromHex(raw) : raw))
}

/** A KEM key pair of its recorded secret key. */
export function kemPair(secretKey: Bytes): KemKeyPair {
  return decode(kemKeyPair, secretKey)
}
