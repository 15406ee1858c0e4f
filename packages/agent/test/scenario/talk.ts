import { expect } from "vitest"
import type { Person } from "./world.ts"

export async function codeOf(person: Person, connectionId: string): Promise<string> {
  return (await person.agent.securityCode({ connectionId })).code
}

/** A message each way, which arrives. */
export async function talk(people: readonly [Person, string][], text: string): Promise<void> {
  for (const [from, to] of [people, [...people].reverse()]) {
    if (from === undefined || to === undefined) throw new Error("two people")
    const before = to[0].of("message").length
    await from[0].agent.sendMessage({ connectionId: from[1], text: `${text} from ${from[0].name}` })
    const message = await to[0].next("message", before)
    expect(message.text).toBe(`${text} from ${from[0].name}`)
    await to[0].agent.acknowledgeMessage(message)
  }
}
