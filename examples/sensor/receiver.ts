// Prints what a sensor reports, a line each: node dist/receiver.js DIR LINK-FILE smp://…
import { writeFile } from "node:fs/promises"
import { serve } from "@smpkit/agent"
import { openAgent } from "@smpkit/agent/node"

const [dir = "receiver-data", linkFile = "receiver.link", ...servers] = process.argv.slice(2)
const agent = await openAgent({ dir, servers, passphrase: process.env["SMPKIT_PASSPHRASE"] ?? "" })
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void agent.close())

const [known] = (await agent.listConnections()).connections
if (known === undefined || known.status === "invited") {
  const { link } =
    known === undefined
      ? await agent.createConnection({ mode: "invitation" })
      : await agent.getLink({ connectionId: known.connectionId })
  await writeFile(linkFile, `${link}\n`, { mode: 0o600 })
  console.error(`give ${linkFile} to the sensor, in a way that others cannot read; it works once`)
}

await serve(agent, {
  onMessage: ({ text = "(no text)", integrity }) => {
    if (integrity.type !== "ok") console.error(`not as it was sent: ${integrity.type}`)
    console.log(text)
  },
  onError: console.error,
})
