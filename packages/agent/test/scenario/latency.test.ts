import { describe, expect, it } from "vitest"
import { memoryRawStore, type RawStore } from "../../src/index.ts"
import { connectorTo, FakeServer } from "./fake-server.ts"
import { connect, FakeClock, Person, seededRandom } from "./world.ts"

interface Delays {
  /** A command's way to the server and back. */
  readonly networkMs: number
  readonly diskMs: number
  /** What the application does with a message before it acknowledges it. */
  readonly applicationMs: number
}

const count = 100

/** How long a message takes that is one of many, by the simulated clock, and how many transactions it costs the receiver. */
async function measure({
  networkMs,
  diskMs,
  applicationMs,
}: Delays): Promise<{ ms: number; commits: number }> {
  const clock = new FakeClock()
  const random = seededRandom("latency")
  const one = new FakeServer("one.example", { clock, random })
  const two = new FakeServer("two.example", { clock, random })
  const sleep = (ms: number): Promise<void> =>
    ms === 0 ? Promise.resolve() : new Promise((resolve) => clock.setTimer(ms, resolve))
  const inner = memoryRawStore()
  let commits = 0
  const disk: RawStore = {
    get: (key) => inner.get(key),
    scan: (prefix) => inner.scan(prefix),
    commit: async (changes, expected) => {
      commits++
      await sleep(two.delayMs() === 0 ? 0 : diskMs)
      await inner.commit(changes, expected)
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  const parts = { connector: connectorTo(one, two), clock, random }
  const alice = await Person.open("alice", { ...parts, servers: [one.address] })
  let done = 0
  const onEvent: Parameters<typeof Person.open>[1]["onEvent"] = async (event, agent) => {
    if (event.type !== "message") return
    await sleep(applicationMs)
    await agent.acknowledgeMessage(event)
    done++
  }
  const bob = await Person.open("bob", { ...parts, servers: [two.address], onEvent }, disk)
  const ids = await connect(alice, bob)
  two.delayMs = () => networkMs
  for (let i = 0; i < count; i++) await alice.agent.sendMessage({ connectionId: ids.alice, text: `${i}` })
  const [start, before] = [clock.now(), commits]
  while (done < count) await clock.advance(1)
  const measured = { ms: (clock.now() - start) / count, commits: (commits - before) / count }
  two.delayMs = () => 0
  await alice.close()
  await bob.close()
  return measured
}

describe("receiving waits for its own disk and the server, not for the application", () => {
  it.each([
    // Network and application at a time, not one after the other.
    [{ networkMs: 20, diskMs: 2, applicationMs: 20 }, 24],
    [{ networkMs: 20, diskMs: 2, applicationMs: 1 }, 23],
    [{ networkMs: 5, diskMs: 2, applicationMs: 1 }, 8],
    [{ networkMs: 1, diskMs: 2, applicationMs: 1 }, 5],
  ] as const)("%o: at most %i ms a message, two transactions", async (delays, most) => {
    const { ms, commits } = await measure(delays)
    expect(ms).toBeLessThan(most)
    expect(commits).toBeLessThanOrEqual(2.1)
  })
})
