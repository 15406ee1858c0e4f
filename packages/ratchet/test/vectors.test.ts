import { type Bytes, decode, encode, fromBase64Url, toHex } from "@smpkit/codec"
import { keyPairOf, PrivateKey } from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  formatRatchetParametersUri,
  initReceivingRatchet,
  initSendingRatchet,
  parseRatchetParametersUri,
  ratchetParameters,
  ratchetParametersOf,
  ratchetState,
  type RatchetState,
  ratchetParametersUri,
  x3dhInitiator,
  x3dhJoiner,
  type X3dhKeys,
} from "@smpkit/ratchet"
import { loadVectors, ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"

const now = 1_000_000

const privateKey = (raw: Bytes): PrivateKey<"x448"> => new PrivateKey("x448", raw)

/** The reference writes key pairs as base64url of the base64url of PKCS8. */
function privateRaw(rcDHRs: string): string {
  const der = fromBase64Url(new TextDecoder().decode(fromBase64Url(rcDHRs)))
  return toHex(der.slice(16, 16 + 56))
}

const raw = (state: RatchetState): string => state.keyPair.privateKey.use(toHex)
const b64 = (v: Vector, name: string): string | undefined => {
  const found = v.find(name)
  return found === undefined ? undefined : toHex(fromBase64Url(found.text()))
}

/** A recorded state and one of ours, in one form. */
const recorded = (v: Vector): object => ({
  version: v.at("rcVersion", 0).number(),
  maxVersion: v.at("rcVersion", 1).number(),
  ad: b64(v, "rcAD"),
  dh: privateRaw(v.at("rcDHRs").text()),
  rk: b64(v, "rcRK"),
  cks: b64(v.find("rcSnd") ?? v, "rcCKs"),
  hks: b64(v.find("rcSnd") ?? v, "rcHKs"),
  dhr: b64(v.find("rcSnd") ?? v, "rcDHRr")?.slice(24),
  ckr: b64(v.find("rcRcv") ?? v, "rcCKr"),
  hkr: b64(v.find("rcRcv") ?? v, "rcHKr"),
  ns: v.at("rcNs").number(),
  nr: v.at("rcNr").number(),
  pn: v.at("rcPN").number(),
  nhks: b64(v, "rcNHKs"),
  nhkr: b64(v, "rcNHKr"),
  support: v.at("rcSupportKEM").boolean(),
})

const ours = (s: RatchetState): object => ({
  version: s.version,
  maxVersion: s.maxVersion,
  ad: toHex(s.ad),
  dh: raw(s),
  rk: toHex(s.rootKey),
  cks: s.sending && toHex(s.sending.chainKey),
  hks: s.sending && toHex(s.sending.headerKey),
  dhr: s.sending && toHex(s.sending.peerKey.raw),
  ckr: s.receiving && toHex(s.receiving.chainKey),
  hkr: s.receiving && toHex(s.receiving.headerKey),
  ns: s.sent,
  nr: s.received,
  pn: s.previousSent,
  nhks: toHex(s.nextSendingHeaderKey),
  nhkr: toHex(s.nextReceivingHeaderKey),
  support: s.postQuantum.supported,
})

const recordedSkipped = (v: Vector): object[] =>
  v.items().map((k) => ({
    headerKey: b64(k, "headerKey"),
    number: k.at("msgN").number(),
    key: b64(k, "messageKey"),
    iv: k.at("iv").text(),
  }))

const ourSkipped = (s: RatchetState): object[] =>
  s.skipped.flatMap((run) =>
    run.keys.map((k) => ({
      headerKey: toHex(run.headerKey),
      number: k.number,
      key: toHex(k.messageKey),
      iv: toHex(k.iv),
    })),
  )

describe.each(
  loadVectors("ratchet")
    .items()
    .slice(0, 2)
    .map((v) => [v.at("name").text(), v] as const),
)("ratchet.json, %s", (_name, conversation) => {
  const keys = (side: string): X3dhKeys => ({
    key1: keyPairOf(privateKey(conversation.at(side, "key1", "privateRaw").bytes())),
    key2: keyPairOf(privateKey(conversation.at(side, "key2", "privateRaw").bytes())),
  })
  const version = conversation.at("initiator", "ratchet0", "rcVersion", 0).number()

  test("parameters and key agreement", () => {
    for (const [side, own] of [
      ["initiator", keys("initiator")],
      ["joiner", keys("joiner")],
    ] as const) {
      const bytes = conversation.at(side, "paramsSmp").bytes()
      expect(toHex(encode(ratchetParameters, ratchetParametersOf(version, own)))).toBe(toHex(bytes))
      const text = conversation.at(side).find("paramsUri")?.text()
      if (text === undefined) continue
      expect(formatRatchetParametersUri(parseRatchetParametersUri(text))).toBe(text)
    }
    const a = x3dhInitiator(
      keys("initiator"),
      decode(ratchetParameters, conversation.at("joiner", "paramsSmp").bytes()),
    )
    const b = x3dhJoiner(
      keys("joiner"),
      decode(ratchetParameters, conversation.at("initiator", "paramsSmp").bytes()),
    )
    expect(a).toEqual(b)
    const x3dh = conversation.at("joiner", "x3dh")
    expect([a.ad, a.headerKey, a.nextHeaderKey, a.rootKey].map(toHex)).toEqual(
      ["assocData", "sndHK", "rcvNextHK", "ratchetKey"].map((k) => x3dh.at(k).text()),
    )
  })

  test("both sides replay all messages with the recorded states", () => {
    const initiatorKeys = keys("initiator")
    const secrets = x3dhJoiner(
      keys("joiner"),
      decode(ratchetParameters, conversation.at("initiator", "paramsSmp").bytes()),
    )
    let states = {
      joiner: initSendingRatchet({
        version,
        maxVersion: version,
        secrets,
        peerKey: initiatorKeys.key2.publicKey,
        random: new ScriptedRandom(conversation.at("joiner", "rcDHRs", "privateRaw").bytes()),
      }),
      initiator: initReceivingRatchet({ version, maxVersion: version, secrets, keyPair: initiatorKeys.key2 }),
    }
    for (const side of ["joiner", "initiator"] as const) {
      expect(ours(states[side])).toEqual(recorded(conversation.at(side, "ratchet0")))
    }
    for (const m of conversation.at("messages").items()) {
      const from = m.at("from").text() === "joiner" ? "joiner" : "initiator"
      const to = from === "joiner" ? "initiator" : "joiner"
      // Messages stand in the order of arrival; the sender's state is that of the time of sending.
      const sender = expected(m.at("senderBefore"), states[from])
      const sent = encrypt(sender, m.at("plain").bytes(), m.at("paddedLen").number())
      expect(toHex(sent.message)).toBe(m.at("message").text())
      expect(ours(sent.state)).toEqual(recorded(m.at("senderAfter")))
      states = { ...states, [from]: further(states[from], sent.state) }

      expect(ours(states[to])).toEqual(recorded(m.at("receiverBefore")))
      expect(ourSkipped(states[to])).toEqual(recordedSkipped(m.at("skippedBefore")))
      const before = toHex(encode(ratchetState, states[to]))
      const dhKey = privateRaw(m.at("receiverAfter", "rcDHRs").text())
      const received = decrypt(states[to], m.at("message").bytes(), {
        random: new ScriptedRandom(hexBytes(dhKey)),
        now,
      })
      expect(toHex(received.plaintext)).toBe(m.at("plain").text())
      expect(ours(received.state)).toEqual(recorded(m.at("receiverAfter")))
      expect(ourSkipped(received.state)).toEqual(recordedSkipped(m.at("skippedAfter")))
      expect(toHex(encode(ratchetState, states[to]))).toBe(before)
      states = { ...states, [to]: received.state }
    }
  })
})

const hexBytes = (hex: string): Bytes =>
  Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16))

/** The state of the vector's sender: ours with the chain position of the record, when messages arrive in another order. */
function expected(v: Vector, state: RatchetState): RatchetState {
  const chainKey = b64(v.find("rcSnd") ?? v, "rcCKs")
  if (state.sending === undefined || chainKey === undefined) return state
  const bytes = encode(ratchetState, state)
  const hex = toHex(bytes).replace(toHex(state.sending.chainKey), chainKey)
  return { ...decode(ratchetState, hexBytes(hex)), sent: v.at("rcNs").number() }
}

const further = (a: RatchetState, b: RatchetState): RatchetState => (b.sent > a.sent ? b : a)

test("addresses.json, e2eParamsUri", () => {
  for (const v of loadVectors("addresses").at("e2eParamsUri").items()) {
    const parsed = parseRatchetParametersUri(v.at("str").text())
    expect(formatRatchetParametersUri(parsed)).toBe(v.at("str").text())
    expect(toHex(encode(ratchetParametersUri, parsed))).toBe(v.at("smp").text())
    expect(decode(ratchetParametersUri, v.at("smp").bytes())).toEqual(parsed)
    expect(parsed.kem !== undefined).toBe(v.at("kem").boolean())
  }
})
