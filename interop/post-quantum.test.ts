import { type Bytes, encode, toHex } from "@smpkit/codec"
import { type Kem, type KemSecret, sntrup761 } from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  initReceivingRatchet,
  ratchetParameters,
  type RatchetState,
  x3dhInitiator,
} from "@smpkit/ratchet"
import { ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { openQueueMessage } from "../packages/agent/src/open.ts"
import type { QueuePeer } from "../packages/agent/src/queues.ts"
import { plainRatchet, recordedKem, recordedRatchet } from "./support/recorded-state.ts"
import { Recording } from "./support/recording.ts"

// Conversations of the reference with post-quantum agreement: the box of the queue and the ratchet, in both directions. The joiner's key agreement
// keys and its first ratchet are not recorded, so its first message is only opened, and it is followed from the state behind it.

const recordings = [
  {
    name: "invitation-fast-pq",
    messages: 6,
    texts: ["hello 0 from alice", "hi 0 from bob", "hello 1 from alice", "hi 1 from bob"],
  },
  { name: "short-link-invitation", messages: 4, texts: ["hello 0 from alice", "hi 0 from bob"] },
]

/** Padded lengths with post-quantum agreement: of the two confirmations, then of messages (agent-protocol.md, "Padded lengths"). */
const paddedLengths = (index: number): number => (index < 2 ? 11106 : 13618)

describe.each(recordings)("$name, with post-quantum agreement", ({ name, messages, texts }) => {
  const recording = new Recording(name)
  const steps = recording.steps
  const isSend = (step: Vector): boolean => step.find("tag")?.text() === "SEND"

  test("every message opens and is written again, with the recorded states after each", () => {
    const states = new Map<string, RatchetState>()
    const peers = new Map<string, QueuePeer>()
    const opened: string[] = []
    let count = 0
    for (const [i, step] of steps.entries()) {
      if (!isSend(step)) continue
      const senderId = recording.queue(step).at("senderId").text()
      const to = recording.connOf("receiver", senderId)
      const from = recording.connOf("sender", senderId)
      const queue = recording.receiveQueue(senderId)
      const message = openQueueMessage({ dhKey: queue.dhKey, peer: peers.get(to) }, sentBody(step))
      if (message.newPeer !== undefined) peers.set(to, message.newPeer)
      const { envelope } = message
      if (envelope.type !== "AgentConfirmation" && envelope.type !== "AgentMsgEnvelope") {
        expect.fail(`${step.path}: ${envelope.type}`)
      }

      let state = states.get(to)
      if (envelope.type === "AgentConfirmation" && envelope.parameters !== undefined) {
        const { parameters } = envelope
        const x3dh = recording.partyAt(to, i).x3dh ?? expect.fail("no keys of the key agreement")
        expect(parameters.kem?.type).toBe("A")
        expect(encode(ratchetParameters, parameters).length).toBe(2343)
        const secrets = x3dhInitiator(x3dh, parameters)
        expect(secrets.hybrid).toBe(true)
        state = initReceivingRatchet({
          version: parameters.version,
          secrets,
          keyPair: x3dh.key2,
          postQuantum: true,
        })
        const joiner = recording.nextSession(from, i)?.ratchet ?? expect.fail("no state of the joiner")
        states.set(from, joiner)
      }
      if (state === undefined) return expect.fail(`${step.path}: no ratchet`)
      const after = recordedAfter(to, i)
      const received = decrypt(state, envelope.sealed, {
        random: new ScriptedRandom(
          recordedRatchet(after).keyPair.privateKey.use((raw) => new Uint8Array(raw)),
        ),
        now: 0,
        kem: replaying(after),
      })
      expect(received.hybrid).toBe(true)
      expect([step.path, plainRatchet(received.state)]).toEqual([
        step.path,
        plainRatchet(recordedRatchet(after)),
      ])
      opened.push(new TextDecoder().decode(received.plaintext))
      states.set(to, received.state)

      if (count > 0) {
        const sender = states.get(from) ?? expect.fail("no ratchet of the sender")
        const sent = encrypt(sender, received.plaintext, paddedLengths(count), { postQuantum: true })
        expect([step.path, toHex(sent.message)]).toEqual([step.path, toHex(envelope.sealed)])
        expect(sent.hybrid).toBe(true)
        states.set(from, sent.state)
      }
      count++
    }
    expect(count).toBe(messages)
    expect(opened.slice(2).map((text, i) => text.includes(texts[i] ?? "nothing"))).toEqual(
      texts.map(() => true),
    )
  })

  /** The first recorded state of a connection after a step. */
  function recordedAfter(conn: string, index: number): Vector {
    for (const step of steps.slice(index + 1)) {
      const row = step
        .find("state")
        ?.find("ratchets")
        ?.items()
        .find((one) => one.at("conn_id").text() === conn)
      const state = row?.find("ratchet_state")
      if (state !== undefined) return state
    }
    return expect.fail(`no state of ${conn} after step ${index}`)
  }
})

/** What follows flags and space of a recorded SEND. */
function sentBody(step: Vector): Bytes {
  const command = step.at("command").bytes()
  expect(new TextDecoder().decode(command.slice(0, 7))).toMatch(/^SEND [TF] $/)
  return command.slice(7)
}

/** Makes what the recorded agent made on its way to this state. */
function replaying(after: Vector): Kem {
  const made = recordedKem(after) ?? expect.fail("no KEM keys")
  const { secretKey, ciphertext, secret } = made
  return {
    ...sntrup761,
    generateKeyPair: () => ({ publicKey: sntrup761.publicKeyOf(secretKey), secretKey }),
    encapsulate: () => ({
      ciphertext: ciphertext ?? expect.fail("nothing was accepted"),
      sharedSecret: (secret ?? expect.fail("nothing was accepted")).slice() as KemSecret,
    }),
  }
}
