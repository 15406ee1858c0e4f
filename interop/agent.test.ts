import { describe, expect, test } from "vitest"
import type { Bytes } from "@smpkit/codec"
import { follow, unfollowed } from "./support/follow.ts"
import { Recording } from "./support/recording.ts"
import { bodyOf } from "./support/steps.ts"
import { Replay } from "./support/replay.ts"
import type { ReplayPlan } from "./support/replay-plan.ts"

interface Case extends ReplayPlan {
  readonly name: string
  /** How many commands and events the recorded agent has there, so that nothing is skipped unseen. */
  readonly commands: number
  readonly events: number
}

/**
 * Each agent of each recording, from where its state is recorded. A joiner's key agreement keys are not recorded, so it starts when it has joined; an
 * initiator starts with its link, or where its confirmation's body is shortened, when it is connected. The joiner of a slow handshake comes in two
 * pieces: the ratchet key of its HELLO is in no state, so it makes one of its own there.
 */
const replays: readonly Case[] = [
  { name: "invitation-fast", agent: "alice", from: 9, to: 81, commands: 7, events: 5 },
  { name: "invitation-fast", agent: "bob", from: 25, to: 81, commands: 5, events: 5 },
  { name: "invitation-slow", agent: "alice", from: 9, to: 91, commands: 9, events: 5 },
  {
    name: "invitation-slow",
    agent: "bob",
    from: 23,
    to: 38,
    reader: { conn: "G0bES_8uFFYHvn08", at: 22 },
    commands: 3,
    events: 1,
  },
  { name: "invitation-slow", agent: "bob", from: 49, to: 91, commands: 4, events: 3 },
  { name: "invitation-v6-no-alpn", agent: "alice", from: 48, to: 91, commands: 4, events: 3 },
  { name: "invitation-v6-no-alpn", agent: "bob", from: 49, to: 91, commands: 4, events: 3 },
  { name: "contact-address", agent: "alice", from: 9, to: 30, commands: 4, events: 1 },
  { name: "contact-address", agent: "alice", from: 36, to: 93, commands: 5, events: 5 },
  { name: "contact-address", agent: "bob", from: 10, to: 18, commands: 2, events: 0 },
  { name: "contact-address", agent: "bob", from: 23, to: 93, commands: 7, events: 5 },
  { name: "deletion", agent: "alice", from: 38, to: 61, commands: 1, events: 1 },
  { name: "deletion", agent: "bob", from: 39, to: 61, commands: 3, events: 3 },
  { name: "quota", agent: "alice", from: 38, to: 103, commands: 7, events: 5 },
  { name: "quota", agent: "bob", from: 39, to: 103, commands: 7, events: 5 },
  { name: "resubscription", agent: "alice", from: 138, to: 201, subscribes: true, commands: 9, events: 10 },
  { name: "resubscription", agent: "alice2", from: 183, to: 198, subscribes: true, commands: 3, events: 1 },
  { name: "resubscription", agent: "bob", from: 107, to: 213, commands: 9, events: 8 },
]

/** With post-quantum encryption the keys of later chains depend on KEM keys that a recording cannot give: up to there, and kinds of commands only. */
const hybridReplays: readonly Case[] = [
  { name: "invitation-fast-pq", agent: "alice", from: 9, to: 38, commands: 3, events: 2 },
  { name: "invitation-fast-pq", agent: "bob", from: 25, to: 49, commands: 2, events: 3 },
  { name: "short-link-invitation", agent: "alice", from: 9, to: 38, commands: 3, events: 2 },
  { name: "short-link-invitation", agent: "bob", from: 25, to: 49, commands: 2, events: 3 },
]

describe("an agent loaded from recorded state does what the recorded one did", () => {
  test.each(replays)("$name, $agent from step $from", async ({ name, commands, events, ...plan }) => {
    const recording = new Recording(name)
    const replayed = await Replay.run(recording, follow(recording), plan)
    for (const { step, ours, recorded } of replayed.commands) expect([step, ours]).toEqual([step, recorded])
    expect(replayed.events).toEqual(replayed.expectedEvents)
    expect(replayed.extra).toEqual([])
    expect([replayed.commands.length, replayed.events.length]).toEqual([commands, events])
    // Receipts may come late, and a lost connection is made again after a while; room in a queue is used at once.
    if (name === "quota" || name === "deletion")
      expect(replayed.commands.filter(({ waitedMs }) => waitedMs > 0)).toEqual([])
    if (name === "resubscription") expect(replayed.blocks).toContainEqual(["SUB", "SUB", "SUB"])
  })

  test.each(hybridReplays)(
    "$name, $agent from step $from, hybrid",
    async ({ name, commands, events, ...plan }) => {
      const recording = new Recording(name)
      const bodies = new Map(
        recording.steps.flatMap((step, i): [number, Bytes][] => {
          const body = step.find("tag")?.text() === "SEND" ? bodyOf(step, recording.version(step)) : undefined
          return body === undefined ? [] : [[i, body]]
        }),
      )
      const replayed = await Replay.run(recording, { ...unfollowed, bodies }, plan)
      const kinds = (text: string): string => text.split(" ").slice(0, 3).join(" ")
      for (const { step, ours, recorded } of replayed.commands)
        expect([step, kinds(ours)]).toEqual([step, kinds(recorded)])
      expect(replayed.events).toEqual(replayed.expectedEvents)
      expect(
        replayed.events.filter((event) => "postQuantum" in event && event.postQuantum === true),
      ).not.toEqual([])
      expect(replayed.extra).toEqual([])
      expect([replayed.commands.length, replayed.events.length]).toEqual([commands, events])
    },
  )
})
