import type { Command } from "@smpkit/smp"
import fc from "fast-check"
import type { Release } from "./adversary.ts"
import type { Party } from "./party.ts"
import { type Setting, World } from "./world.ts"

type Who = 0 | 1

export type Action =
  | { readonly do: "send"; readonly who: Who; readonly count: number }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "lose" | "deny"; readonly to: Who; readonly count: number }
  | { readonly do: "hold"; readonly to: Who }
  | { readonly do: "release"; readonly to: Who; readonly how: Release }
  | { readonly do: "repeat"; readonly to: Who; readonly pick: number }
  | { readonly do: "cut"; readonly who: Who; readonly ms: number }
  | { readonly do: "crash"; readonly who: Who; readonly after: number; readonly when: "before" | "after" }
  | {
      readonly do: "back up" | "restore" | "move" | "synchronize" | "stop reading" | "read" | "restart"
      readonly who: Who
    }
  | { readonly do: "synchronize both" }
  | { readonly do: "lose answer" | "silence"; readonly server: number; readonly command: Command["type"] }

const who = fc.constantFrom<Who>(0, 1)
const commands = fc.constantFrom<Command["type"]>(
  "SEND",
  "SEND",
  "ACK",
  "ACK",
  "SUB",
  "NEW",
  "KEY",
  "SKEY",
  "DEL",
)

/** Faults that any store and network has, without an adversary: nothing may be lost by them. */
const honest = [
  fc.record({ do: fc.constant("send" as const), who, count: fc.integer({ min: 1, max: 4 }) }),
  // More than wait for an application at once, and than are on the way at once.
  fc.record({ do: fc.constant("send" as const), who, count: fc.constantFrom(1, 2, 20) }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(0, 10, 500, 6000, 60_000) }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(0, 10, 500, 6000, 60_000) }),
  fc.record({ do: fc.constant("cut" as const), who, ms: fc.constantFrom(100, 5000, 60_000) }),
  fc.record({
    do: fc.constant("crash" as const),
    who,
    after: fc.nat(8),
    when: fc.constantFrom("before" as const, "after" as const),
  }),
  fc.record({
    do: fc.constantFrom("lose answer" as const, "silence" as const),
    server: fc.nat(3),
    command: commands,
  }),
  fc.record({
    do: fc.constantFrom("move" as const, "stop reading" as const, "read" as const, "restart" as const),
    who,
  }),
  fc.record({ do: fc.constantFrom("synchronize" as const), who }),
  fc.constant<Action>({ do: "synchronize both" }),
] as const

const hostile = [
  fc.record({
    do: fc.constantFrom("lose" as const, "lose" as const, "deny" as const),
    to: who,
    count: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ do: fc.constant("hold" as const), to: who }),
  fc.record({ do: fc.constant("hold" as const), to: who }),
  fc.record({
    do: fc.constant("release" as const),
    to: who,
    how: fc.constantFrom<Release>(
      "in order",
      "first last",
      "reversed",
      "first twice",
      "without the first",
      "without the last",
    ),
  }),
  fc.record({ do: fc.constant("repeat" as const), to: who, pick: fc.nat(100) }),
  fc.record({ do: fc.constantFrom("back up" as const, "restore" as const), who }),
] as const

/** Long runs take long scripts as well; by itself fast-check prefers short ones. */
function size(maxLength: number): fc.ArrayConstraints {
  return { maxLength, size: process.env["SLOW"] === "1" ? "max" : "small" }
}

export const setting: fc.Arbitrary<Omit<Setting, "postQuantum">> = fc.record({
  seed: fc.nat(),
  slow: fc.boolean(),
  quota: fc.constantFrom(128, 128, 5),
})

export const honestScript: fc.Arbitrary<Action[]> = fc.array(fc.oneof(...honest), size(25))
export const hostileScript: fc.Arbitrary<Action[]> = fc.array(fc.oneof(...honest, ...hostile), size(25))

/** Short, as the handshake is: most of it meets the first few messages. */
export const handshakeScript: fc.Arbitrary<Action[]> = fc.array(fc.oneof(...honest, ...hostile), size(10))

async function act(world: World, action: Action, number: number): Promise<void> {
  const party = (at: Who): Party => world.parties[at]
  world.log(`-- ${JSON.stringify(action)}`)
  switch (action.do) {
    case "send":
      for (let i = 0; i < action.count; i++) await party(action.who).send(`${String(number)}.${String(i)}`)
      return
    case "pass":
      await world.pass(action.ms)
      return
    case "lose":
      party(action.to).interference.lose += action.count
      return
    case "deny":
      world.excused.add("AUTH")
      party(action.to).interference.deny += action.count
      return
    case "hold":
      party(action.to).interference.holding = true
      return
    case "release":
      party(action.to).interference.release(action.how)
      return
    case "repeat":
      party(action.to).interference.repeat(action.pick)
      return
    case "cut":
      party(action.who).cut(action.ms)
      return
    case "crash": {
      const victim = party(action.who)
      victim.crashWhen = action.when
      victim.crashIn = action.after
      return
    }
    case "back up":
      await party(action.who).backUp()
      return
    case "restore":
      party(action.who).restore()
      return
    case "move":
      await party(action.who).move()
      return
    case "restart":
      await party(action.who).restart()
      return
    case "synchronize":
      await party(action.who).synchronize(true)
      return
    case "synchronize both":
      await Promise.all(world.parties.map((one) => one.synchronize(true)))
      return
    case "stop reading":
      party(action.who).reading = false
      return
    case "read":
      party(action.who).read()
      return
    case "lose answer":
    case "silence": {
      const server = world.servers[action.server]
      if (server === undefined) return
      if (action.do === "silence") server.silence = action.command
      else server.loseAnswer = action.command
      return
    }
    default:
      action satisfies never
  }
}

const hour = 3600_000

export interface Result {
  readonly connected: boolean
  readonly violations: readonly string[]
  readonly log: readonly string[]
}

/** Runs a script, then lets all faults end: what is found wrong, and what happened. */
export async function run(
  setting: Setting,
  script: readonly Action[],
  { connectFirst }: { readonly connectFirst: boolean },
): Promise<Result> {
  const world = new World(setting)
  const { parties } = world
  const violations: string[] = []
  if (connectFirst) await world.tick()
  for (let turn = 0; connectFirst && turn < 50 && !parties.every(({ connected }) => connected); turn++) {
    await world.pass(1000)
    await world.tick()
  }
  for (const [number, action] of script.entries()) {
    await act(world, action, number)
    await world.pass(5)
    await world.tick()
  }
  world.log("-- the faults end")
  for (const party of parties) {
    party.crashIn = undefined
    party.cutUntil = 0
    party.interference.stop()
    party.read()
  }
  for (const server of world.servers) server.silence = server.loseAnswer = undefined
  const connected = await settled(world)
  if (connected) {
    violations.push(...(await bothTalk(world)))
    violations.push(...parties.flatMap(unfinished))
  } else if (!parties.some(({ closed }) => closed !== undefined)) {
    violations.push("neither connected nor closed")
  }
  for (const party of parties)
    violations.push(
      ...[...party.violations, ...party.history.violations].map((text) => `${party.name}: ${text}`),
    )
  for (const party of parties) await party.close()
  return { connected, violations, log: world.events }
}

/** Waits for a connection, or for one that is closed. */
async function settled(world: World): Promise<boolean> {
  const done = (): boolean =>
    world.parties.every(({ connected }) => connected) ||
    world.parties.some(({ closed }) => closed !== undefined)
  for (let turn = 0; turn < 40 && !done(); turn++) {
    await world.tick()
    await world.pass(1000)
  }
  for (let turn = 0; turn < 8 && !done(); turn++) {
    await world.tick()
    await world.pass(hour / 2)
  }
  return world.parties.every(({ connected, closed }) => connected && closed === undefined)
}

/** After some time each side says something that arrives and is answered by a receipt; new keys are made where the agent asks for them. */
async function bothTalk(world: World): Promise<string[]> {
  const { parties } = world
  await world.pass(60_000)
  let heard: boolean[] = []
  for (let round = 0; round < 40; round++) {
    await world.tick()
    for (const party of parties) {
      const state = await party.state()
      if (state?.ratchet === "allowed" && round > 3) await party.synchronize(false)
      // Keys that were lost on their way: whoever waits for the other side's asks again. Only much later does a side that has them, as the two may not belong together.
      const patience = state?.ratchet === "started" ? 6 : state?.ratchet === "agreed" ? 20 : Infinity
      if (round > patience && round % 4 === parties.indexOf(party)) await party.synchronize(true)
      await party.send(`last ${String(round)}`)
    }
    await world.pass(round < 10 ? 10_000 : hour)
    heard = parties.map((party) =>
      party.history.entries.some(({ letter, shown }) => shown > 0 && letter.text === `last ${String(round)}`),
    )
    if (heard.every(Boolean)) break
  }
  if (!heard.every(Boolean)) {
    const states = await Promise.all(parties.map((party) => party.state()))
    return [
      `not both talk: ${parties.map(({ name }, i) => `${name} hears ${String(heard[i])}, ${JSON.stringify(states[i])}`).join("; ")}`,
    ]
  }
  await world.pass(60_000)
  return parties
    .filter(({ delivered, lastSaid }) => !delivered.has(lastSaid))
    .map(({ name }) => `${name} hears of no receipt for what it has said last`)
}

/** What the agent owes its application at the end. */
function unfinished(party: Party): string[] {
  const found: string[] = []
  // What a copy of the store does not know has been taken all the same.
  for (const letter of party.restored ? [] : party.world.left(party))
    found.push(`${party.name}: never taken: ${letter.name}`)
  for (const { letter, shown } of party.history.entries)
    if (shown === 0) found.push(`${party.name}: never shown: ${letter.name}`)
  for (const { code, text, heard } of party.history.reports)
    if (heard === 0) found.push(`${party.name}: never reported: ${code} ${text}`)
  for (const [messageId, fate] of party.fates)
    if (fate === "stored" && !party.restored)
      found.push(`${party.name}: nothing became of message ${String(messageId)}`)
  return found
}
