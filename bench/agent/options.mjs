import { usage } from "../failure.mjs"
import { readOptions } from "../options.mjs"

export const help = `npm run bench -- agent [options]

Two agents and a server in processes of their own, each with its store on disk (LMDB), over TLS. One agent sends messages by one connection to
the other as fast as they are taken, then both write in turns; with and without post-quantum agreement, and in turns with the sum
of the primitives of a message. Then many connections are made, and one agent is started anew with all of them.

  --messages N      messages in each round, one way, by one connection (200)
  --turns N         messages each way in each round, one at a time (30)
  --body BYTES      size of a body (13000)
  --rounds N        rounds; the figures are their medians (5)
  --connections N   connections when the agent is started anew (200)
  --dir DIR         keeps the stores there, and begins with what an earlier run left
  --profile DIR     write CPU profiles of the processes there
  --json            one JSON object on stdout
  --help
`

const numbers = { messages: 200, turns: 30, body: 13_000, rounds: 5, connections: 200 }

/** The options of `bench agent`; `undefined` when help was asked for. Throws usage errors. */
export function parseOptions(args) {
  const options = readOptions(args, { numbers, texts: ["dir", "profile"] })
  if (options !== undefined && (options.body < 8 || options.body > 13_000))
    throw usage("--body: from 8 bytes, which are the time, to 13000, which fit with post-quantum agreement")
  return options
}
