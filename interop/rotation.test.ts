import type { Bytes } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import { unfollowed } from "./support/follow.ts"
import { Recording } from "./support/recording.ts"
import { Replay } from "./support/replay.ts"
import { bodyOf } from "./support/steps.ts"

const recording = new Recording("rotation")
const bodies = new Map(
  recording.steps.flatMap((step, i): [number, Bytes][] => {
    const body = step.find("tag")?.text() === "SEND" ? bodyOf(step, recording.version(step)) : undefined
    return body === undefined ? [] : [[i, body]]
  }),
)

function senderIdOf(queue: string): string {
  const found = recording.queues().find((one) => one.at("queue").text() === queue)
  if (found === undefined) throw new Error(`no ${queue}`)
  return found.at("senderId").text()
}

function connOfSender(queue: string): string {
  return recording.connOf("sender", senderIdOf(queue))
}

/** The private keys of the queue that the recorded agent made, but for the one towards the server. */
function newQueueKeys(): readonly (Bytes | undefined)[] {
  const senderId = senderIdOf("q3")
  const { recipientKey, dhKey } = recording.receiveQueue(senderId)
  const raw = ({ privateKey }: typeof recipientKey | typeof dhKey): Bytes =>
    privateKey.use((key) => new Uint8Array(key))
  return [raw(recipientKey), undefined, raw(dhKey)]
}

describe("rotation.json: an agent loaded from recorded state does what the recorded one did", () => {
  test.each([
    // Her ratchet key of QUSE is in no state, so she makes one of her own, and cannot read the recorded answer to it.
    { name: "to QUSE", from: 38, to: 62, reader: true, commands: 5, events: 3 },
    { name: "on the new queue", from: 75, to: 101, reader: false, commands: 2, events: 2 },
  ])("alice moves her queue, $name", async ({ from, to, reader, commands, events }) => {
    const replayed = await Replay.run(
      recording,
      { ...unfollowed, bodies },
      {
        agent: "alice",
        from,
        to,
        queueKeys: newQueueKeys(),
        ...(reader ? { reader: { conn: connOfSender("q1"), at: 39 } } : {}),
      },
    )
    for (const { step, ours, recorded } of replayed.commands) expect([step, ours]).toEqual([step, recorded])
    expect(replayed.events).toEqual(replayed.expectedEvents)
    expect(replayed.extra).toEqual([])
    expect([replayed.commands.length, replayed.events.length]).toEqual([commands, events])
  })

  test("bob follows: QKEY and QTEST with keys of his own, in the recorded places", async () => {
    const plan = { agent: "bob", from: 39, to: 102, reader: { conn: connOfSender("q2"), at: 38 } }
    const replayed = await Replay.run(recording, { ...unfollowed, bodies }, plan)
    for (const { step, ours, recorded } of replayed.commands) expect([step, ours]).toEqual([step, recorded])
    expect(replayed.events).toEqual(replayed.expectedEvents)
    expect(replayed.extra).toEqual([])
    expect([replayed.commands.length, replayed.events.length]).toEqual([6, 6])
  })
})
