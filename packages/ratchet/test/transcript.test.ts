import { type Bytes, decode, encode, toHex } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  initReceivingRatchet,
  initSendingRatchet,
  parseRatchetParametersUri,
  ratchetParameters,
  ratchetReplyOf,
  securityCode,
  x3dhInitiator,
  x3dhJoiner,
  type X3dhKeys,
  type X3dhSecrets,
} from "@smpkit/ratchet"
import { loadVectors, ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { kemPair, plainState, transcriptKem, transcriptState, x448Pair } from "./recorded-state.ts"
import { type RecordedStep, ScriptedKem } from "./scripted-kem.ts"

const conversations = loadVectors("agent-transcript")
  .at("conversations")
  .items()
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
  const stepsOf = (side: string): readonly Vector[] => conversation.at(side, "steps").items()
  const steps = (side: string): ScriptedRandom =>
    new ScriptedRandom(...stepsOf(side).map((v) => v.at("DHRs", "private").bytes()))
  const kemSteps = (side: string): readonly RecordedStep[] =>
    stepsOf(side).flatMap((v) => transcriptKem(v) ?? [])
  const hybrid = conversation.at("pq").boolean()

  // Where the link has a KEM key, its secret half is not recorded; the secret that was encapsulated to it is, with the joiner's key pair.
  const joinerKem = conversation.at(joiner).find("kem")
  const known = new Map<string, Bytes>()
  const acceptance = joinerParameters.kem?.type === "A" ? joinerParameters.kem.ciphertext : undefined
  if (acceptance !== undefined && joinerKem !== undefined) {
    known.set(toHex(acceptance), joinerKem.at("acceptedSecret").bytes())
  }
  const initiatorKeys: X3dhKeys = {
    ...keysOf(conversation.at(initiator, "x3dh")),
    kem: acceptance && kemPair(new Uint8Array(1763)),
  }
  const secrets = x3dhInitiator(initiatorKeys, joinerParameters, new ScriptedKem([], known))

  /** What the joiner's ratchet begins with: the first pair of its steps where it proposed, that of its reply where it accepted. */
  function joinerSecrets(): X3dhSecrets {
    const proposed = acceptance === undefined && hybrid ? kemSteps(joiner)[0]?.secretKey : undefined
    const pair = proposed ?? joinerKem?.at("secret").bytes()
    return {
      ...secrets,
      kem: pair && { ...kemPair(pair), accepted: acceptance },
      kemSecret: acceptance && (known.get(toHex(acceptance)) as X3dhSecrets["kemSecret"]),
    }
  }

  test("key agreement and security code", () => {
    expect(toHex(sha256(secrets.ad))).toBe(conversation.at("ratchetAdSha256").text())
    expect(securityCode(secrets.ad)).toMatch(/^\d{5}( \d{5}){15}$/)
    const e2e = new URLSearchParams(conversation.at("invitation").text().split("#/?")[1]).get("e2e")
    const uri = parseRatchetParametersUri(e2e ?? "")
    expect([uri.key1, uri.key2]).toEqual([initiatorKeys.key1.publicKey, initiatorKeys.key2.publicKey])
    const joinerKeys = conversation.at(joiner).find("x3dh")
    if (joinerKeys === undefined) return
    const accepted = acceptance && {
      peerKey: uri.kem?.key ?? expect.fail("no KEM key in the link"),
      secret: known.get(toHex(acceptance)) ?? expect.fail("no KEM secret"),
      ciphertext: acceptance,
    }
    const secretKey = joinerKem?.at("secret").bytes()
    const own = { ...keysOf(joinerKeys), kem: secretKey && kemPair(secretKey) }
    const kem = new ScriptedKem(secretKey === undefined ? [] : [{ secretKey, accepted }])
    const agreed = x3dhJoiner(own, uri, { random: new ScriptedRandom(), kem })
    expect(agreed).toEqual(joinerSecrets())
    expect(encode(ratchetParameters, ratchetReplyOf(joinerParameters.version, own, agreed))).toEqual(
      first.at("agentEnvelope", "e2eParams").bytes(),
    )
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
          secrets: joinerSecrets(),
          peerKey: initiatorKeys.key2.publicKey,
          random: randomOf(joiner),
        }),
      ],
      [
        initiator,
        initReceivingRatchet({ version, secrets, keyPair: initiatorKeys.key2, postQuantum: hybrid }),
      ],
    ])
    // The joiner's first step is the beginning of its ratchet.
    const kems = new Map([
      [joiner, new ScriptedKem(kemSteps(joiner).slice(1), known)],
      [initiator, new ScriptedKem(kemSteps(initiator), known)],
    ])
    const flags: boolean[] = []
    const stateOf = (side: string) => states.get(side) ?? expect.fail("no such side")
    const seen = { js: [] as object[], ref: [] as object[] }
    for (const m of messages) {
      const from = m.at("from").text() === "js" ? "js" : "ref"
      const to = from === "js" ? "ref" : "js"
      const content = m.at("content", "hex").bytes()
      const sent = encrypt(stateOf(from), content, m.at("ratchet", "padded").number())
      expect(toHex(sha256(sent.message))).toBe(m.at("agentEnvelope", "ratchetMessageSha256").text())
      const kem = kems.get(to)
      const received = decrypt(stateOf(to), sent.message, { random: randomOf(to), now: 0, kem })
      expect(received.hybrid).toBe(sent.hybrid)
      flags.push(sent.hybrid)
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
    expect([kems.get("js")?.left, kems.get("ref")?.left]).toEqual([0, 0])
    // A key in the link makes all of it hybrid; a proposal in the reply, all but the first message.
    expect(flags).toEqual(flags.map((_flag, i) => hybrid && (i > 0 || acceptance !== undefined)))
    for (const recorded of conversation.at("states").items()) {
      for (const side of ["js", "ref"] as const) {
        const state = transcriptState(recorded.at(side, "ratchet"))
        if (recorded.at("at").text() === "end") expect(plainState(stateOf(side))).toEqual(state)
        else expect(seen[side]).toContainEqual(state)
      }
    }
  })
})
