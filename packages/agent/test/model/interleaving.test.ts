import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Action, handshakeScript, honestScript, hostileScript, run, setting } from "./script.ts"
import type { Setting } from "./world.ts"

// Two whole agents and four servers in one process, on one clock, all chance from one seed. A script of what people, networks, disks and an adversary who runs
// the servers do is found and shortened by fast-check (`script.ts`); applications do their part whatever happens (`party.ts`); a model that shares no code with
// the agent's receiving side says from the order in which letters were taken what must have come of them (`history.ts`). Then the faults end, and both must talk.
//
// What was planted by hand, seen to fail, and taken back:
// - an envelope that was dealt with before is decrypted again instead of swallowed: a repetition makes an error (server, handshake);
// - the ratchet's state is stored before, not with, its message: a crash between the two loses that (machines and networks);
// - the server is told to forget a message before that is stored: a crash between the two loses it (machines and networks, server).
//
// What fails prints the setting and the shortest script, fast-check's `seed` and `path`, and what happened. MODEL_SEED=… (and MODEL_PATH=… with `-t` and the
// test's name) does it again exactly. A plain run takes the same scripts each time, so that what it finds is about the change that is tested; SLOW=1 takes twenty
// times as many, and new ones, MODEL_RUNS=… another multiple.

const slow = process.env["SLOW"] === "1"
const factor = Number(process.env["MODEL_RUNS"] ?? (slow ? 20 : 1))
const { MODEL_SEED: seed = factor === 1 ? "20" : undefined, MODEL_PATH: path } = process.env

/** How many scripts, and which. */
function runs(numRuns: number): { numRuns: number; seed?: number; path?: string } {
  return {
    numRuns: Math.ceil(numRuns * factor),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
  }
}

async function holds(
  { postQuantum = "off", ...world }: Omit<Setting, "postQuantum"> & Partial<Setting>,
  script: readonly Action[],
  connectFirst: boolean,
): Promise<void> {
  const { violations, log } = await run({ ...world, postQuantum }, script, { connectFirst })
  if (violations.length > 0) throw new Error([...violations, ...log.slice(0, 200)].join("\n"))
  expect(violations).toEqual([])
}

describe("two agents", { timeout: factor > 1 ? 7200_000 : 60_000 }, () => {
  it("talk after any faults of machines and networks", async () => {
    await fc.assert(
      fc.asyncProperty(setting, honestScript, (world, script) => holds(world, script, true)),
      runs(30),
    )
  })
  it("talk after whatever a server does", async () => {
    await fc.assert(
      fc.asyncProperty(setting, hostileScript, (world, script) => holds(world, script, true)),
      runs(30),
    )
  })
  it("talk, or hear that they do not, after whatever disturbs the handshake", async () => {
    await fc.assert(
      fc.asyncProperty(setting, handshakeScript, (world, script) => holds(world, script, false)),
      runs(30),
    )
  })
  it("do so with post-quantum encryption", async () => {
    await fc.assert(
      fc.asyncProperty(setting, hostileScript, fc.boolean(), (world, script, connectFirst) =>
        holds({ ...world, postQuantum: "on" }, script, connectFirst),
      ),
      runs(3),
    )
  })
})
