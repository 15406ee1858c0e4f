import { expect, it } from "vitest"
import { settle, twoPeople } from "./world.ts"

it("a join that is deleted while it goes on by itself is closed once", async () => {
  const { alice, bob, two: server, clock } = await twoPeople("deleted join")
  const { link } = await alice.agent.createConnection({ mode: "invitation" })
  server.intercept = ({ type }) => (type === "NEW" ? "drop" : undefined)
  await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "NETWORK" })
  const [known] = (await bob.agent.listConnections()).connections
  const connectionId = known?.connectionId ?? ""
  // The application deletes it before the server has answered the next attempt.
  let deleting: Promise<unknown> | undefined
  server.intercept = ({ type }) => {
    if (type === "NEW") deleting ??= bob.agent.deleteConnection({ connectionId })
    return undefined
  }
  await clock.advance(60_000)
  await deleting
  await settle(20)
  expect(bob.of("closed").map(({ code }) => code)).toEqual(["DELETED"])
  expect((await bob.agent.listConnections()).connections).toEqual([])
  await alice.close()
  await bob.close()
})
