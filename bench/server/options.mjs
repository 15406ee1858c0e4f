import { usage } from "../failure.mjs"
import { readOptions } from "../options.mjs"

export const help = `npm run bench -- server [ADDRESS] [options]

Moves messages through queues of a server, SEND → MSG → ACK, and prints messages a second, the server's CPU time a
message and latency, with the same blocks through bare TLS, the bare cryptography and bare durable writes beside them.
Without ADDRESS it starts a server of its own in a temporary folder and stops it at the end. With ADDRESS, which is
smp://FINGERPRINT@HOST:PORT, the server's CPU time is not known.

  --store memory|disk   of the server that is started (disk)
  --queues N            queues, one message in flight on each (100)
  --messages N          messages in all rounds together (10000)
  --body BYTES          size of a body (16000)
  --connections N       pairs of connections over which the queues are spread (4)
  --rounds N            rounds; the figures are their medians (5, fewer for few messages)
  --processes N         server processes: 1 is all there is so far
  --profile DIR         write the server's CPU profile there
  --json                one JSON object on stdout
  --help
`

const numbers = {
  queues: 100,
  messages: 10_000,
  body: 16_000,
  connections: 4,
  rounds: undefined,
  processes: 1,
}

/** The options of `bench server`; `undefined` when help was asked for. Throws usage errors. */
export function parseOptions(args) {
  const options = readOptions(args, { numbers, texts: ["store", "profile"], positionals: true })
  if (options === undefined) return undefined
  const { positionals, ...counts } = options
  const [address, ...more] = positionals
  if (more.length > 0) throw usage("one address at most")
  if (counts.processes !== 1)
    throw usage("--processes: a server of several processes is not there yet, only 1 is")
  const store = storeOf(counts.store, address)
  if (address !== undefined && counts.profile !== undefined)
    throw usage("--profile is for a server that is started here")
  const rounds = counts.rounds ?? Math.min(5, Math.max(1, Math.floor(counts.messages / (10 * counts.queues))))
  if (counts.messages < rounds) throw usage("--messages: at least one message a round")
  return { ...counts, rounds, connections: Math.min(counts.connections, counts.queues), address, store }
}

function storeOf(store, address) {
  if (address !== undefined) {
    if (store !== undefined)
      throw usage("--store is for a server that is started here, not for one at an address")
    return undefined
  }
  if (store === undefined || store === "disk" || store === "memory") return store ?? "disk"
  if (store.startsWith("postgres"))
    throw usage("--store: the PostgreSQL store is not there yet, disk and memory are")
  throw usage("--store: no such store, disk and memory are there")
}
