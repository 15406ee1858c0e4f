import { rmSync } from "node:fs"
import { mkdir, mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { RawTls } from "../limits/raw-tls.mjs"
import { manyConnections } from "./many.mjs"
import { help, parseOptions } from "./options.mjs"
import { People } from "./people.mjs"
import { primitives } from "./primitives.mjs"
import { reportOf, tableOf } from "./report.mjs"

const kinds = ["plain", "postQuantum"]
/** Enough for a median of what takes microseconds. */
const primitivesEach = 200
/** The window of messages on the way is open after so many. */
const warmUpMessages = 40

/** `bench agent`: rounds in which two agents, with and without post-quantum agreement, and the primitives take turns; then many connections. */
export async function run(args) {
  const options = parseOptions(args)
  if (options === undefined) {
    process.stdout.write(help)
    return
  }
  const temporary = await mkdtemp(join(tmpdir(), "smpkit-bench-"))
  const cleanUp = () => rmSync(temporary, { recursive: true, force: true })
  process.once("exit", cleanUp)
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130))
  const dir = options.dir ?? temporary
  await mkdir(dir, { recursive: true })
  const progress = (text) => {
    if (!options.json && process.stderr.isTTY) process.stderr.write(`${text.padEnd(40)}\r`)
  }
  const people = await People.open(dir, options.profile)
  try {
    await people.start("alice")
    await people.start("bob")
    const rawTls = await RawTls.open(1)
    let rounds
    try {
      rounds = await measure(options, { people, rawTls, dir: temporary, progress })
    } finally {
      await rawTls.close()
    }
    const many = await manyConnections(options, people, progress)
    const report = reportOf(options, rounds, many)
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report))
  } finally {
    await people.close()
    cleanUp()
  }
}

async function measure({ messages, turns, body, rounds: count }, { people, rawTls, dir, progress }) {
  const ids = {}
  for (const kind of kinds) {
    const made = await people.connect(1, kind === "postQuantum")
    ids[kind] = { alice: made.alice[0], bob: made.bob[0] }
    // Post-quantum agreement is complete after a message each way.
    await people.turns(ids[kind], 2, body)
    await people.stream(ids[kind], warmUpMessages, body)
  }
  const rounds = []
  for (let n = 1; n <= count; n++) {
    const round = {}
    for (const kind of kinds) {
      progress(`round ${n} of ${count}, ${kind}`)
      round[kind] = {
        stream: await people.stream(ids[kind], messages, body),
        turns: await people.turns(ids[kind], turns, body),
        primitives: await primitives(kind === "postQuantum", primitivesEach, { body, rawTls, dir }),
      }
    }
    rounds.push(round)
  }
  return rounds
}
