import { decode, encode, toHex } from "@smpkit/codec"
import {
  decrypt,
  encrypt,
  type Encrypted,
  formatRatchetParametersUri,
  initReceivingRatchet,
  initSendingRatchet,
  parseRatchetParametersUri,
  ratchetParameters,
  ratchetParametersOf,
  ratchetReplyOf,
  type RatchetState,
  x3dhInitiator,
  x3dhJoiner,
  type X3dhKeys,
  type X3dhSecrets,
} from "@smpkit/ratchet"
import { hex, loadVectors, ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { stateHex } from "./peers.ts"
import {
  kemPair,
  plainSkipped,
  plainState,
  recordedKem,
  recordedPrivateKey,
  recordedSkipped,
  recordedState,
  x448Pair,
} from "./recorded-state.ts"
import { type RecordedStep, ScriptedKem } from "./scripted-kem.ts"

const conversations = loadVectors("ratchet")
  .items()
  .map((v) => [v.at("name").text(), v] as const)

test("there are three conversations", () => {
  expect(conversations.map(([name]) => name)).toEqual([
    "v2, no PQ",
    "v3, no PQ",
    "v3, PQ offered in invitation and accepted",
  ])
})

describe.each(conversations)("ratchet.json, %s", (_name, conversation) => {
  const first = (side: string): Vector => conversation.at(side, "ratchet0")
  const keys = (side: string): X3dhKeys => {
    const kem = recordedKem(first(side))
    return {
      key1: x448Pair(conversation.at(side, "key1", "privateRaw").bytes()),
      key2: x448Pair(conversation.at(side, "key2", "privateRaw").bytes()),
      ...(kem && { kem: kemPair(kem.secretKey) }),
    }
  }
  const hybrid = first("joiner").has("rcKEM")
  const version = conversation.at("initiator", "ratchet0", "rcVersion", 0).number()
  const initiatorKeys = keys("initiator")
  const joinerKeys = keys("joiner")
  const parameters = (side: string) => decode(ratchetParameters, conversation.at(side, "paramsSmp").bytes())
  const joinerSecrets = (): X3dhSecrets => {
    const kem = new ScriptedKem(recordedKem(first("joiner")) === undefined ? [] : [kemOf("joiner")])
    return x3dhJoiner(joinerKeys, parameters("initiator"), { random: new ScriptedRandom(), kem })
  }
  const kemOf = (side: string): RecordedStep => recordedKem(first(side)) ?? expect.fail("no KEM keys")

  test("parameters", () => {
    const written = (side: string): string => conversation.at(side, "paramsSmp").text()
    expect(toHex(encode(ratchetParameters, ratchetParametersOf(version, initiatorKeys)))).toBe(
      written("initiator"),
    )
    const reply = ratchetReplyOf(version, joinerKeys, joinerSecrets())
    expect(toHex(encode(ratchetParameters, reply))).toBe(written("joiner"))
    expect([hybrid, reply.kem?.type]).toEqual([hybrid, hybrid ? "A" : undefined])
    const text = conversation.at("initiator", "paramsUri").text()
    const parsed = parseRatchetParametersUri(text)
    expect(parsed.key1).toEqual(initiatorKeys.key1.publicKey)
    expect(parsed.versions).toEqual({ min: 2, max: version })
    expect(formatRatchetParametersUri(parsed)).toBe(text)
  })

  test("key agreement", () => {
    const secrets = x3dhInitiator(initiatorKeys, parameters("joiner"))
    const { kem, kemSecret, ...same } = joinerSecrets()
    const { kem: initiatorKem, ...others } = secrets
    expect(same).toEqual(others)
    expect([same.hybrid, kem !== undefined, kemSecret !== undefined, initiatorKem !== undefined]).toEqual(
      Array.from({ length: 4 }, () => hybrid),
    )
    for (const side of ["initiator", "joiner"]) {
      const x3dh = conversation.at(side, "x3dh")
      expect([secrets.ad, secrets.headerKey, secrets.nextHeaderKey, secrets.rootKey].map(toHex)).toEqual(
        ["assocData", "sndHK", "rcvNextHK", "ratchetKey"].map((name) => x3dh.at(name).text()),
      )
    }
  })

  test("both sides write and open every message, with the recorded states before and after", () => {
    const versions = { version, maxVersion: version }
    const joiner = initSendingRatchet({
      ...versions,
      secrets: joinerSecrets(),
      peerKey: initiatorKeys.key2.publicKey,
      random: new ScriptedRandom(conversation.at("joiner", "rcDHRs", "privateRaw").bytes()),
    })
    const initiator = initReceivingRatchet({
      ...versions,
      secrets: x3dhInitiator(initiatorKeys, parameters("joiner")),
      keyPair: initiatorKeys.key2,
    })
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
      const made = recordedKem(m.at("receiverAfter"))
      const kem = new ScriptedKem(made === undefined ? [] : [made])
      const received = decrypt(before, m.at("message").bytes(), { random, now: 0, kem })
      expect(toHex(received.plaintext)).toBe(m.at("plain").text())
      expect(plainState(received.state)).toEqual(recordedState(m.at("receiverAfter")))
      expect(plainSkipped(received.state)).toEqual(recordedSkipped(m.at("skippedAfter")))
      expect(stateHex(before)).toBe(beforeHex)
      expect(received.hybrid).toBe(hybrid)
      expect(sent.hybrid).toBe(hybrid)
      receivers.set(to, received.state)
      sentStates.push(received.state)
    }
  })

  /** Writes the message from the known state that the record calls `senderBefore`, after the messages that come first in its chain. */
  function write(states: RatchetState[], m: Vector): Encrypted {
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
