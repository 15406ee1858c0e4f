import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Action, handshakeScript, honestScript, hostileScript, run, setting } from "./script.ts"
import type { Setting } from "./world.ts"

const slow = process.env["SLOW"] === "1"
const factor = Number(process.env["MODEL_RUNS"] ?? (slow ? 20 : 1))

async function holds(
  { postQuantum = "off", ...world }: Omit<Setting, "postQuantum"> & Partial<Setting>,
  script: readonly Action[],
  connectFirst: boolean,
): Promise<void> {
  const { violations, log } = await run({ ...world, postQuantum }, script, { connectFirst })
  if (violations.length > 0) throw new Error([...violations, ...log.slice(0, 150)].join("\n"))
  expect(violations).toEqual([])
}

const seed = process.env["MODEL_SEED"]
const parameters = (numRuns: number): fc.Parameters<never> =>
  ({
    numRuns: Math.ceil(numRuns * factor),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  }) as fc.Parameters<never>

describe("two agents", { timeout: factor > 1 ? 7200_000 : 60_000 }, () => {
  it("talk after any faults of machines and networks", async () => {
    await fc.assert(
      fc.asyncProperty(setting, honestScript, (world, script) => holds(world, script, true)),
      parameters(40),
    )
  })
  it("talk after whatever a server does", async () => {
    await fc.assert(
      fc.asyncProperty(setting, hostileScript, (world, script) => holds(world, script, true)),
      parameters(40),
    )
  })
  it("talk, or hear that they do not, after whatever disturbs the handshake", async () => {
    await fc.assert(
      fc.asyncProperty(setting, handshakeScript, (world, script) => holds(world, script, false)),
      parameters(40),
    )
  })
  it("do so with post-quantum encryption", async () => {
    await fc.assert(
      fc.asyncProperty(setting, hostileScript, fc.boolean(), (world, script, connectFirst) =>
        holds({ ...world, postQuantum: "on" }, script, connectFirst),
      ),
      parameters(4),
    )
  })
})
