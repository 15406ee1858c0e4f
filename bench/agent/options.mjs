import { parseArgs } from "node:util"
import { usage } from "../failure.mjs"

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
  const values = parse(args)
  if (values.help) return undefined
  const counts = Object.fromEntries(
    Object.entries(numbers).map(([name, standard]) => [name, count(name, values[name]) ?? standard]),
  )
  if (counts.body < 8 || counts.body > 13_000)
    throw usage("--body: from 8 bytes, which are the time, to 13000, which fit with post-quantum agreement")
  return { ...counts, dir: values.dir, profile: values.profile, json: values.json === true }
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        ...Object.fromEntries(Object.keys(numbers).map((name) => [name, { type: "string" }])),
        dir: { type: "string" },
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
