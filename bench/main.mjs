// npm run bench -- NAME …: measurements, each beside a limit that is measured in the same run.
import { BenchError, usage } from "./failure.mjs"

const benches = {
  agent: () => import("./agent/command.mjs"),
  channel: () => import("./channel/command.mjs"),
  page: () => import("./page/command.mjs"),
  ratchet: () => import("./ratchet/command.mjs"),
  server: () => import("./server/command.mjs"),
}

const help = `npm run bench -- NAME [options]

  agent     two agents and a server: messages beside the primitives, and many connections (--help for the options)
  channel   handshakes and blocks by a channel, over TCP and WebSocket, beside TLS (--help for the options)
  page      the chat page in Chromium: its bytes, and the time to its first screen and to the server's first answer
  ratchet   messages encrypted and decrypted, with and without post-quantum agreement, beside the primitives
  server    delivered messages of an SMP server, beside raw TLS and raw disk writes (--help for the options)
`

async function main([name, ...args]) {
  if (name === "--help" || name === "-h") {
    process.stdout.write(help)
    return
  }
  const bench = Object.hasOwn(benches, name ?? "") ? benches[name] : undefined
  if (bench === undefined)
    throw usage(name === undefined ? "say what to measure" : `no such benchmark: ${name}`)
  const { run } = await bench()
  await run(args)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  if (!(error instanceof BenchError) && process.env.SMPKIT_DEBUG) process.stderr.write(`${error?.stack}\n`)
  process.exitCode = error instanceof BenchError ? error.exitCode : 1
}
