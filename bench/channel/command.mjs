import { availableParallelism, cpus } from "node:os"
import { median, ratio, rounded } from "../figures.mjs"
import { Carriers } from "./carriers.mjs"
import { help, parseOptions } from "./options.mjs"

const names = ["tls", "channel", "webSocket"]
const titles = {
  tls: "TLS",
  channel: "channel over TCP",
  webSocket: "channel over WebSocket",
  bare: "TCP, node:crypto alone",
}

const allNames = [...names, "bare"]

/** `bench channel`: rounds in which the three carriers, and the limit of the channel's blocks, take turns. */
export async function run(args) {
  const options = parseOptions(args)
  if (options === undefined) {
    process.stdout.write(help)
    return
  }
  const carriers = await Carriers.open(options)
  try {
    // Not compiled yet: not a measurement.
    await round(carriers, { ...options, handshakes: Math.min(options.handshakes, 100), blocks: 1_000 })
    const rounds = []
    for (let n = 1; n <= options.rounds; n++) {
      if (!options.json && process.stderr.isTTY) process.stderr.write(`round ${n} of ${options.rounds}\r`)
      rounds.push(await round(carriers, options))
    }
    const report = reportOf(options, rounds)
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report))
  } finally {
    await carriers.close()
  }
}

async function round(carriers, { handshakes, concurrency, blocks }) {
  const figures = {}
  for (const name of names) figures[name] = await carriers.handshakes(name, handshakes, concurrency)
  for (const name of allNames) figures[name] = { ...figures[name], ...(await carriers.blocks(name, blocks)) }
  return figures
}

function reportOf({ handshakes, concurrency, blocks, rounds: count }, rounds) {
  const middle = (f) => rounded(median(rounds.map(f)))
  const figuresOf = (name) =>
    Object.fromEntries(Object.keys(rounds[0][name]).map((key) => [key, middle((r) => r[name][key])]))
  const toTls = (name, key) => middle((r) => ratio(r[name][key], r.tls[key]))
  const toBare = (name, key) => middle((r) => ratio(r[name][key], r.bare[key]))
  const ratiosOf = (name) => ({
    handshakesToTls: toTls(name, "handshakesPerSecond"),
    handshakeCpuToTls: toTls(name, "cpuMsPerHandshake"),
    blocksToTls: toTls(name, "blocksPerSecond"),
    blockCpuToTls: toTls(name, "cpuMsPerBlock"),
    blocksToBare: toBare(name, "blocksPerSecond"),
    blockCpuToBare: toBare(name, "cpuMsPerBlock"),
  })
  return {
    bench: "channel",
    handshakes,
    concurrency,
    blocks,
    rounds: count,
    ...Object.fromEntries(allNames.map((name) => [name, figuresOf(name)])),
    ratios: { channel: ratiosOf("channel"), webSocket: ratiosOf("webSocket") },
    node: process.versions.node,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? null,
  }
}

function tableOf(r) {
  const lines = [
    `${r.handshakes} handshakes, ${r.concurrency} at once, and ${r.blocks} blocks a round`,
    `medians of ${r.rounds} rounds; Node ${r.node}, ${r.cores} cores, ${r.cpu ?? "unknown processor"}`,
    "",
    row("", "handshakes/s", "server CPU ms", "client CPU ms", "blocks/s", "server CPU ms", "client CPU ms"),
    ...allNames.map((name) =>
      row(
        titles[name],
        r[name].handshakesPerSecond,
        r[name].cpuMsPerHandshake,
        r[name].clientCpuMsPerHandshake,
        r[name].blocksPerSecond,
        r[name].cpuMsPerBlock,
        r[name].clientCpuMsPerBlock,
      ),
    ),
    "",
    ...Object.entries(r.ratios).map(
      ([name, x]) =>
        `${`${titles[name]} : TLS`.padEnd(30)} handshakes ${times(x.handshakesToTls)} (server CPU ${times(x.handshakeCpuToTls)}), ` +
        `blocks ${times(x.blocksToTls)} (server CPU ${times(x.blockCpuToTls)})` +
        `; blocks to TCP and node:crypto alone ${times(x.blocksToBare)} (server CPU ${times(x.blockCpuToBare)})`,
    ),
  ]
  return `${lines.join("\n")}\n`
}

const row = (name, ...cells) =>
  name.padEnd(24) + cells.map((cell) => String(cell ?? "").padStart(15)).join("")
const times = (value) => (value === null ? "unknown" : `${value.toFixed(2)}×`)
