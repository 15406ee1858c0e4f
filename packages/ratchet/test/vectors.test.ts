import { decode, encode, toHex } from "@smpkit/codec"
import {
  decrypt,
  encrypt,
  formatRatchetParametersUri,
  initReceivingRatchet,
  initSendingRatchet,
  parseRatchetParametersUri,
  ratchetParameters,
  ratchetParametersOf,
  type RatchetState,
  x3dhInitiator,
  x3dhJoiner,
  type X3dhKeys,
} from "@smpkit/ratchet"
import { hex, loadVectors, ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { stateHex } from "./peers.ts"
import {
  plainSkipped,
  plainState,
  recordedPrivateKey,
  recordedSkipped,
  recordedState,
  x448Pair,
} from "./recorded-state.ts"

const conversations = loadVectors("ratchet")
  .items()
  .filter((v) => !v.at("initiator").has("kem"))
  .map((v) => [v.at("name").text(), v] as const)

test("there are two conversations without a KEM", () => {
  expect(conversations.map(([name]) => name)).toEqual(["v2, no PQ", "v3, no PQ"])
})

describe.each(conversations)("ratchet.json, %s", (_name, conversation) => {
  const keys = (side: string): X3dhKeys => ({
    key1: x448Pair(conversation.at(side, "key1", "privateRaw").bytes()),
    key2: x448Pair(conversation.at(side, "key2", "privateRaw").bytes()),
  })
  const version = conversation.at("initiator", "ratchet0", "rcVersion", 0).number()
  const initiatorKeys = keys("initiator")
  const joinerKeys = keys("joiner")
  const parameters = (side: string) => decode(ratchetParameters, conversation.at(side, "paramsSmp").bytes())

  test("parameters", () => {
    for (const [side, own] of [
      ["initiator", initiatorKeys],
      ["joiner", joinerKeys],
    ] as const) {
      const bytes = conversation.at(side, "paramsSmp").text()
      expect(toHex(encode(ratchetParameters, ratchetParametersOf(version, own)))).toBe(bytes)
    }
    const text = conversation.at("initiator", "paramsUri").text()
    const parsed = parseRatchetParametersUri(text)
    expect(parsed.key1).toEqual(initiatorKeys.key1.publicKey)
    expect(parsed.versions).toEqual({ min: 2, max: version })
    expect(formatRatchetParametersUri(parsed)).toBe(text)
  })

  test("key agreement", () => {
    const secrets = x3dhInitiator(initiatorKeys, parameters("joiner"))
    expect(x3dhJoiner(joinerKeys, parameters("initiator"))).toEqual(secrets)
    for (const side of ["initiator", "joiner"]) {
      const x3dh = conversation.at(side, "x3dh")
      expect([secrets.ad, secrets.headerKey, secrets.nextHeaderKey, secrets.rootKey].map(toHex)).toEqual(
        ["assocData", "sndHK", "rcvNextHK", "ratchetKey"].map((name) => x3dh.at(name).text()),
      )
    }
  })

  test("both sides write and open every message, with the recorded states before and after", () => {
    const secrets = x3dhJoiner(joinerKeys, parameters("initiator"))
    const versions = { version, maxVersion: version }
    const joiner = initSendingRatchet({
      ...versions,
      secrets,
      peerKey: initiatorKeys.key2.publicKey,
      random: new ScriptedRandom(conversation.at("joiner", "rcDHRs", "privateRaw").bytes()),
    })
    const initiator = initReceivingRatchet({ ...versions, secrets, keyPair: initiatorKeys.key2 })
    expect(plainState(joiner)).toEqual(recordedState(conversation.at("joiner", "ratchet0")))
    expect(plainState(initiator)).toEqual(recordedState(conversation.at("initiator", "ratchet0")))

    // Messages stand in the order of arrival; `sentStates` finds the state that one was written from.
    const receivers = new Map([
      ["joiner", joiner],
      ["initiator", initiator],
    ])
    const sentStates: RatchetState[] = [joiner, initiator]
    const messages = conversation.at("messages").items()
    for (const m of messages) {
      const from = m.at("from").text()
      const to = from === "joiner" ? "initiator" : "joiner"
      const sent = write(sentStates, m)
      expect(toHex(sent.message)).toBe(m.at("message").text())
      expect(plainState(sent.state)).toEqual(recordedState(m.at("senderAfter")))
      const sender = receivers.get(from)
      if (sender !== undefined && sender.sent < sent.state.sent) receivers.set(from, sent.state)

      const before = receivers.get(to)
      if (before === undefined) throw new Error("no such side")
      expect(plainState(before)).toEqual(recordedState(m.at("receiverBefore")))
      expect(plainSkipped(before)).toEqual(recordedSkipped(m.at("skippedBefore")))
      const beforeHex = stateHex(before)
      const random = new ScriptedRandom(recordedPrivateKey(m.at("receiverAfter")))
      const received = decrypt(before, m.at("message").bytes(), { random, now: 0 })
      expect(toHex(received.plaintext)).toBe(m.at("plain").text())
      expect(plainState(received.state)).toEqual(recordedState(m.at("receiverAfter")))
      expect(plainSkipped(received.state)).toEqual(recordedSkipped(m.at("skippedAfter")))
      expect(stateHex(before)).toBe(beforeHex)
      expect(received.hybrid).toBe(false)
      receivers.set(to, received.state)
      sentStates.push(received.state)
    }
  })

  /** Writes the message from the known state that the record calls `senderBefore`, after the messages that come first in its chain. */
  function write(states: RatchetState[], m: Vector): { state: RatchetState; message: Uint8Array } {
    const before = recordedState(m.at("senderBefore"))
    const isBefore = (s: RatchetState): boolean => JSON.stringify(plainState(s)) === JSON.stringify(before)
    let state = states.findLast(isBefore)
    for (const known of states) {
      let s = known
      while (state === undefined && s.sending !== undefined && s.sent < before.counts[0]) {
        s = encrypt(s, hex(""), 100).state
        if (isBefore(s)) state = s
      }
    }
    if (state === undefined) throw new Error("no state to write this message from")
    const sent = encrypt(state, m.at("plain").bytes(), m.at("paddedLen").number())
    states.push(sent.state)
    return sent
  }
})
