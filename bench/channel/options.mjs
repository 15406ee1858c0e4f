import { parseArgs } from "node:util"
import { usage } from "../failure.mjs"

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
  const values = parse(args)
  if (values.help) return undefined
  const counts = Object.fromEntries(
    Object.entries(numbers).map(([name, standard]) => [name, count(name, values[name]) ?? standard]),
  )
  return { ...counts, profile: values.profile, json: values.json === true }
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        ...Object.fromEntries(Object.keys(numbers).map((name) => [name, { type: "string" }])),
        profile: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values
  } catch (error) {
    throw usage(error instanceof Error ? error.message.split(/[.\n]/)[0] : String(error))
  }
}

function count(name, text) {
  if (text === undefined) return undefined
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < 1) throw usage(`--${name}: a whole number from 1 belongs here`)
  return value
}
