import { usage } from "../failure.mjs"
import { median, ratio, rounded } from "../figures.mjs"
import { primitiveTimes } from "./primitives.mjs"
import { ratchetTimes } from "./conversation.mjs"

const help = `npm run bench -- ratchet [--json]

  Milliseconds of CPU to encrypt a message, to decrypt one of a known chain, and to decrypt the first one of a new chain, with and without
  post-quantum agreement, beside the primitives that this takes at least.
`
const rounds = 7
const each = 200
const names = ["encryptMs", "decryptMs", "stepMs"]

/** `bench ratchet`: rounds in which ratchet and primitives take turns, and their medians. */
export function run(args) {
  if (args.includes("--help") || args.includes("-h")) return void process.stdout.write(help)
  const json = args[0] === "--json"
  if (args.length > (json ? 1 : 0)) throw usage(`not an option of ratchet: ${args.at(-1)}`)
  const report = { plain: measure(false), postQuantum: measure(true) }
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : tableOf(report))
}

function measure(postQuantum) {
  ratchetTimes(postQuantum, each)
  primitiveTimes(postQuantum, each)
  const measured = Array.from({ length: rounds }, () => ({
    ratchet: ratchetTimes(postQuantum, each),
    primitives: primitiveTimes(postQuantum, each),
  }))
  const figure = (name) => {
    const ms = median(measured.map((round) => round.ratchet[name]))
    const limitMs = median(measured.map((round) => round.primitives[name]))
    return { ms: rounded(ms), limitMs: rounded(limitMs), ratio: rounded(ratio(ms, limitMs)) }
  }
  return {
    ...Object.fromEntries(names.map((name) => [name.slice(0, -2), figure(name)])),
    kemMs: rounded(median(measured.map((round) => round.primitives.kemMs))),
  }
}

function tableOf({ plain, postQuantum }) {
  const line = (name, { ms, limitMs, ratio: r }) =>
    `${name.padEnd(34)}${[ms, limitMs, r].map((value) => value.toFixed(3).padStart(12)).join("")}\n`
  const part = (title, figures) =>
    `${title.padEnd(34)}${["ms", "primitives", "ratio"].map((text) => text.padStart(12)).join("")}\n` +
    line("  encrypt", figures.encrypt) +
    line("  decrypt in a known chain", figures.decrypt) +
    line("  decrypt, with a ratchet step", figures.step)
  return `${part("without post-quantum agreement", plain)}${part("with", postQuantum)}  of the step, the KEM: ${postQuantum.kemMs} ms\n`
}
