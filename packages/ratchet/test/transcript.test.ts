import { decode, toHex } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  initReceivingRatchet,
  initSendingRatchet,
  parseRatchetParametersUri,
  ratchetParameters,
  securityCode,
  x3dhInitiator,
  x3dhJoiner,
  type X3dhKeys,
} from "@smpkit/ratchet"
import { loadVectors, ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { plainState, transcriptState, x448Pair } from "./recorded-state.ts"

const conversations = loadVectors("agent-transcript")
  .at("conversations")
  .items()
  .filter((v) => !v.at("pq").boolean())
  .map((v) => [v.at("name").text(), v] as const)

/** The ratchet layer of conversations with the reference agent: both sides from their secrets alone. */
describe.each(conversations)("agent-transcript.json, %s", (_name, conversation) => {
  const initiator = conversation.at("initiator").text()
  const joiner = initiator === "js" ? "ref" : "js"
  const messages = conversation.at("messages").items()
  const first = messages[0]
  if (first === undefined) throw new Error("a conversation without messages")
  const joinerParameters = decode(ratchetParameters, first.at("agentEnvelope", "e2eParams").bytes())
  const keysOf = (v: Vector): X3dhKeys => ({
    key1: x448Pair(v.at("key1", "private").bytes()),
    key2: x448Pair(v.at("key2", "private").bytes()),
  })
  const steps = (side: string): ScriptedRandom =>
    new ScriptedRandom(
      ...conversation
        .at(side, "steps")
        .items()
        .map((v) => v.at("DHRs", "private").bytes()),
    )
  const initiatorKeys = keysOf(conversation.at(initiator, "x3dh"))
  const secrets = x3dhInitiator(initiatorKeys, joinerParameters)

  test("key agreement and security code", () => {
    expect(toHex(sha256(secrets.ad))).toBe(conversation.at("ratchetAdSha256").text())
    expect(securityCode(secrets.ad)).toMatch(/^\d{5}( \d{5}){15}$/)
    const e2e = new URLSearchParams(conversation.at("invitation").text().split("#/?")[1]).get("e2e")
    const uri = parseRatchetParametersUri(e2e ?? "")
    expect([uri.key1, uri.key2]).toEqual([initiatorKeys.key1.publicKey, initiatorKeys.key2.publicKey])
    const joinerKeys = conversation.at(joiner).find("x3dh")
    if (joinerKeys !== undefined) expect(x3dhJoiner(keysOf(joinerKeys), uri)).toEqual(secrets)
  })

  test("every message, byte for byte", () => {
    const random = { [initiator]: steps(initiator), [joiner]: steps(joiner) } as const
    const randomOf = (side: string): ScriptedRandom => random[side] ?? new ScriptedRandom()
    const version = joinerParameters.version
    const states = new Map([
      [
        joiner,
        initSendingRatchet({
          version,
          secrets,
          peerKey: initiatorKeys.key2.publicKey,
          random: randomOf(joiner),
        }),
      ],
      [initiator, initReceivingRatchet({ version, secrets, keyPair: initiatorKeys.key2 })],
    ])
    const stateOf = (side: string) => states.get(side) ?? expect.fail("no such side")
    const seen = { js: [] as object[], ref: [] as object[] }
    for (const m of messages) {
      const from = m.at("from").text() === "js" ? "js" : "ref"
      const to = from === "js" ? "ref" : "js"
      const content = m.at("content", "hex").bytes()
      const sent = encrypt(stateOf(from), content, m.at("ratchet", "padded").number())
      expect(toHex(sha256(sent.message))).toBe(m.at("agentEnvelope", "ratchetMessageSha256").text())
      const received = decrypt(stateOf(to), sent.message, { random: randomOf(to), now: 0 })
      expect(received.plaintext).toEqual(content)
      expect([m.at("ratchet", "PN").number(), m.at("ratchet", "Ns").number()]).toEqual([
        sent.state.previousSent,
        sent.state.sent - 1,
      ])
      states.set(from, sent.state)
      states.set(to, received.state)
      seen[from].push(plainState(sent.state))
      seen[to].push(plainState(received.state))
    }
    expect([randomOf("js").left, randomOf("ref").left]).toEqual([0, 0])
    for (const recorded of conversation.at("states").items()) {
      for (const side of ["js", "ref"] as const) {
        const state = transcriptState(recorded.at(side, "ratchet"))
        if (recorded.at("at").text() === "end") expect(plainState(stateOf(side))).toEqual(state)
        else expect(seen[side]).toContainEqual(state)
      }
    }
  })
})
