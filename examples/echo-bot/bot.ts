// Whoever writes to this bot gets the same back: node dist/bot.js DIR smp://…
import { findOrMakeAddress, serve } from "@smpkit/agent"
import { openAgent } from "@smpkit/agent/node"

const [dir = "echo-bot-data", ...servers] = process.argv.slice(2)
const agent = await openAgent({ dir, servers, passphrase: process.env["SMPKIT_PASSPHRASE"] ?? "" })
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void agent.close())
const { shortLink } = await findOrMakeAddress(agent)
console.log(shortLink)
await serve(agent, {
  onMessage: ({ connectionId, body }) => agent.sendMessage({ connectionId, body }),
  onError: console.error,
})
