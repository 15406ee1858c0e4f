// A program that opens an agent and has nothing else to do, on the built package. Arguments: directory, server.
// Prints "open"; half a second later, on a timer that does not hold the process, "alive", and closes the agent.
import { openAgent } from "../../dist/node/index.js"

const [dir = "", server = ""] = process.argv.slice(2)
const agent = await openAgent({ dir, passphrase: "a passphrase", servers: [server] })
process.stdout.write("open\n")
setTimeout(() => {
  process.stdout.write("alive\n")
  void agent.close()
}, 500).unref()
for await (const event of agent.events()) process.stdout.write(`${event.type}\n`)
process.stdout.write("closed\n")
