import { expect, it } from "vitest"
import { connect, settle, twoPeople } from "./world.ts"

it.each([false, true])(
  "a gap before a message that the application is not shown is reported all the same (while keys are replaced: %s)",
  async (replacing) => {
    const { alice, bob, one, two, clock } = await twoPeople("gaps", {
      onEvent: async (event, agent) => {
        if (event.type === "message") await agent.acknowledgeMessage({ ...event, receipt: true })
      },
    })
    const ids = await connect(alice, bob)
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "asks for a receipt" })
    await alice.next("message")
    await settle(20)
    // Bob's server loses Alice's next message; after it comes her receipt.
    two.intercept = ({ type }) => {
      if (type !== "SEND") return undefined
      two.intercept = () => undefined
      return { type: "OK" }
    }
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "lost" })
    if (replacing) {
      // Bob's keys are on their way for a while; the receipt comes under the old ones.
      one.intercept = ({ type }) => (type === "SEND" ? "drop" : undefined)
      await bob.agent.synchronizeRatchet({ connectionId: ids.bob, force: true })
    }
    await clock.advance(10_000)
    one.intercept = () => undefined
    await clock.advance(60_000)
    expect(bob.of("delivered")).toHaveLength(1)
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "arrives" })
    expect(await bob.next("message")).toMatchObject({ text: "arrives", integrity: { type: "ok" } })
    expect(bob.of("error")).toMatchObject([
      { code: "A_INTEGRITY", connectionId: ids.bob, message: expect.stringContaining("2 to 2") as string },
    ])
    expect(alice.of("error")).toEqual([])
    await alice.close()
    await bob.close()
  },
)
