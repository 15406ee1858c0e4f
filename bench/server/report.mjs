import { availableParallelism, cpus } from "node:os"
import { median, ratio, rounded } from "../figures.mjs"

/** What `--json` prints. Figures are medians of the rounds, ratios medians of the rounds' own ratios; `null` is what was not measured. */
export function reportOf(options, rounds, { smpVersion, rssMb }) {
  const middle = (f) => rounded(median(rounds.map(f)))
  return {
    bench: "server",
    store: options.store ?? null,
    smpVersion,
    queues: options.queues,
    messages: Math.ceil(options.messages / options.rounds) * options.rounds,
    bodyBytes: options.body,
    connections: options.connections,
    processes: options.processes,
    rounds: options.rounds,
    messagesPerSecond: middle((r) => r.server.messagesPerSecond),
    cpuMsPerMessage: middle((r) => r.server.cpuMsPerMessage),
    /** SEND to MSG, one message at a time. */
    latencyMsMedian: middle((r) => r.latencyMs),
    /** The same under the load: one message at a time on every queue. */
    loadedLatencyMsMedian: middle((r) => r.server.latencyMs),
    serverRssMb: rounded(rssMb),
    loaderCpuMsPerMessage: middle((r) => r.server.loaderCpuMsPerMessage),
    /** Five blocks a message: SEND, OK, MSG, ACK, OK. */
    rawTlsMessagesPerSecond: middle((r) => r.fiveBlocks.messagesPerSecond),
    rawTlsCpuMsPerMessage: middle((r) => r.fiveBlocks.cpuMsPerMessage),
    rawTlsLatencyMsMedian: middle((r) => r.rawLatencyMs),
    /** Two blocks a message: one in, one out, as if all answers shared blocks. */
    rawTlsTwoBlocksMessagesPerSecond: middle((r) => r.twoBlocks.messagesPerSecond),
    rawTlsTwoBlocksCpuMsPerMessage: middle((r) => r.twoBlocks.cpuMsPerMessage),
    rawCryptoCpuMsPerMessage: middle((r) => r.cryptoCpuMs),
    /** A 16 KB write with a flush, one at a time. */
    rawFsyncMsMedian: middle((r) => r.fsyncMs),
    /** 16 KB in and out of LMDB, as many to a flush as there are queues. */
    rawLmdbMessagesPerSecond: middle((r) => r.lmdb?.messagesPerSecond),
    rawLmdbCpuMsPerMessage: middle((r) => r.lmdb?.cpuMsPerMessage),
    ratios: {
      throughputToRawTls: middle((r) => ratio(r.server.messagesPerSecond, r.fiveBlocks.messagesPerSecond)),
      throughputToRawLmdb: middle((r) => ratio(r.server.messagesPerSecond, r.lmdb?.messagesPerSecond)),
      cpuToRawTls: middle((r) => ratio(r.server.cpuMsPerMessage, r.fiveBlocks.cpuMsPerMessage)),
      cpuToRawTlsTwoBlocks: middle((r) => ratio(r.server.cpuMsPerMessage, r.twoBlocks.cpuMsPerMessage)),
      cpuToAllRaw: middle((r) => ratio(r.server.cpuMsPerMessage, allRawCpu(r))),
      latencyToRawTls: middle((r) => ratio(r.latencyMs, r.rawLatencyMs)),
    },
    perRound: rounds.map((r) => ({
      messagesPerSecond: rounded(r.server.messagesPerSecond),
      cpuMsPerMessage: rounded(r.server.cpuMsPerMessage),
      rawTlsCpuMsPerMessage: rounded(r.fiveBlocks.cpuMsPerMessage),
    })),
    node: process.versions.node,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? null,
  }
}

// Bare TLS, bare cryptography and bare store together: what is left of a message without a server's own work.
function allRawCpu({ fiveBlocks, cryptoCpuMs, lmdb }) {
  return fiveBlocks.cpuMsPerMessage + cryptoCpuMs + (lmdb?.cpuMsPerMessage ?? 0)
}

/** The report for people. */
export function tableOf(r) {
  const lines = [
    `${r.messages} messages of ${r.bodyBytes} bytes, ${r.queues} queues over ${r.connections} pairs of connections,` +
      ` ${r.store === null ? "a server elsewhere" : `store ${r.store}`}, SMP ${r.smpVersion}`,
    `medians of ${r.rounds} rounds; Node ${r.node}, ${r.cores} cores, ${r.cpu ?? "unknown processor"}`,
    "",
    row("", "messages/s", "CPU ms/message", "latency ms"),
    row("server", r.messagesPerSecond, r.cpuMsPerMessage, r.latencyMsMedian),
    row(
      "raw TLS, 5 blocks a message",
      r.rawTlsMessagesPerSecond,
      r.rawTlsCpuMsPerMessage,
      r.rawTlsLatencyMsMedian,
    ),
    row(
      "raw TLS, 2 blocks a message",
      r.rawTlsTwoBlocksMessagesPerSecond,
      r.rawTlsTwoBlocksCpuMsPerMessage,
      null,
    ),
    row("raw cryptography", null, r.rawCryptoCpuMsPerMessage, null),
    ...(r.rawLmdbMessagesPerSecond === null
      ? []
      : [
          row("raw LMDB, in and out", r.rawLmdbMessagesPerSecond, r.rawLmdbCpuMsPerMessage, null),
          row("raw write and flush", null, null, r.rawFsyncMsMedian),
        ]),
    "",
    `server : raw TLS    ${times(r.ratios.throughputToRawTls)} throughput, ${times(r.ratios.cpuToRawTls)} CPU, ${times(r.ratios.latencyToRawTls)} latency`,
    `server : all raw    ${times(r.ratios.cpuToAllRaw)} CPU (TLS, cryptography and store together)`,
    `latency under load ${r.loadedLatencyMsMedian} ms; the loader took ${r.loaderCpuMsPerMessage} ms of CPU a message` +
      (r.serverRssMb === null ? "" : `; the server holds ${Math.round(r.serverRssMb)} MB`),
  ]
  return `${lines.join("\n")}\n`
}

const row = (name, ...cells) =>
  name.padEnd(28) + cells.map((cell) => String(cell ?? "").padStart(16)).join("")
const times = (value) => (value === null ? "unknown" : `${value.toFixed(2)}×`)
