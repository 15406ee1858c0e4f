import { expect, it } from "vitest"
import { memoryRawStore } from "../../src/index.ts"
import type { Person } from "./world.ts"
import { connect, settle, twoPeople } from "./world.ts"

const stored = ({ raw }: Person): string[] =>
  [...raw.scan(new Uint8Array(0))].map(({ value }) => String(value))
/** How much of what was there is still there, byte for byte. */
const left = (person: Person, before: readonly string[]): number => {
  const now = new Set(stored(person))
  return before.filter((value) => now.has(value)).length
}

it("what an agent deletes lies in its files until it ends, and not longer (security.md Q14)", async () => {
  const { alice, bob } = await twoPeople("remains")
  const ids = await connect(alice, bob)
  await connect(alice, bob)
  await settle(50)
  await alice.agent.deleteConnection({ connectionId: ids.alice })
  await alice.next("closed")
  await settle(50)
  const before = stored(alice)
  expect(left(alice, before)).toBe(before.length)
  await alice.close()
  expect(left(alice, before)).toBe(0)
  await bob.close()
})

it("after a crash they go at the next start; an agent that deleted nothing writes nothing anew", async () => {
  const { alice, bob } = await twoPeople("remains of a crash")
  const ids = await connect(alice, bob)
  await settle(50)
  await alice.agent.deleteConnection({ connectionId: ids.alice })
  await alice.next("closed")
  await settle(50)
  // The store as a kill leaves it.
  const raw = memoryRawStore()
  await raw.commit(
    [...alice.raw.scan(new Uint8Array(0))].map(({ key, value }) => ({ type: "put", key, value })),
  )
  const before = [...raw.scan(new Uint8Array(0))].map(({ value }) => String(value))
  const copy = await alice.another("copy", raw)
  expect(left(copy, before)).toBe(0)
  const after = stored(copy)
  await copy.restart()
  expect(left(copy, after)).toBeGreaterThan(after.length - 3)
  await copy.close()
  await alice.close()
  await bob.close()
})
