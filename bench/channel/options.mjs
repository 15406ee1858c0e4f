import { readOptions } from "../options.mjs"

export const help = `npm run bench -- channel [options]

Makes connections to a server in a process of its own, and moves blocks of 16,384 bytes over them: by TLS, by a channel over
TCP and by a channel over WebSocket, which take turns with the limit of the channel's blocks: the same records by TCP and
node:crypto alone. Prints handshakes and blocks a second, the server's CPU time, and their ratios to TLS and to that limit.

  --handshakes N    handshakes in each round (200)
  --concurrency N   handshakes at once (8)
  --blocks N        blocks in each round, one way, over one connection (4000)
  --rounds N        rounds; the figures are their medians, the ratios medians of the rounds' own ratios (5)
  --profile DIR     write the server's CPU profile there
  --json            one JSON object on stdout
  --help
`

const numbers = { handshakes: 200, concurrency: 8, blocks: 4_000, rounds: 5 }

/** The options of `bench channel`; `undefined` when help was asked for. Throws usage errors. */
export function parseOptions(args) {
  return readOptions(args, { numbers, texts: ["profile"] })
}
