import { availableParallelism, cpus } from "node:os"
import { median, ratio, rounded } from "../figures.mjs"

/** What `--json` prints. Figures are medians of the rounds, ratios medians of the rounds' own ratios. */
export function reportOf({ messages, turns, body, rounds: count }, rounds, many) {
  const middle = (f) => rounded(median(rounds.map(f)))
  const figuresOf = (kind) => ({
    /** By one connection, one way, from the first call to the last message. */
    messagesPerSecond: middle((r) => r[kind].stream.messagesPerSecond),
    /** Of both agents and the server. */
    cpuMsPerMessage: middle((r) => r[kind].stream.cpuMs),
    senderCpuMsPerMessage: middle((r) => r[kind].stream.cpu.alice),
    receiverCpuMsPerMessage: middle((r) => r[kind].stream.cpu.bob),
    serverCpuMsPerMessage: middle((r) => r[kind].stream.cpu.server),
    primitivesCpuMsPerMessage: middle((r) => r[kind].primitives.messageMs),
    /** From the call to the event, one message at a time, each of which begins a new chain of the ratchet. */
    latencyMsMedian: middle((r) => r[kind].turns.latencyMs),
    cpuMsPerTurn: middle((r) => r[kind].turns.cpuMs),
    primitivesCpuMsPerTurn: middle((r) => r[kind].primitives.turnMs),
    ratios: {
      cpuToPrimitives: middle((r) => ratio(r[kind].stream.cpuMs, r[kind].primitives.messageMs)),
      turnCpuToPrimitives: middle((r) => ratio(r[kind].turns.cpuMs, r[kind].primitives.turnMs)),
      /** What one core could do with the primitives alone is 1. */
      throughputToPrimitives: middle((r) =>
        ratio(r[kind].stream.messagesPerSecond, 1000 / r[kind].primitives.messageMs),
      ),
    },
  })
  return {
    bench: "agent",
    store: "disk",
    messages,
    turns,
    bodyBytes: body,
    rounds: count,
    plain: figuresOf("plain"),
    postQuantum: figuresOf("postQuantum"),
    many: {
      connections: many.connections,
      connectionsMade: many.made,
      setUpSeconds: rounded(many.setUpMs / 1000),
      /** Argon2id, and every record read and checked. */
      storeOpenMs: rounded(many.storeMs),
      agentOpenMs: rounded(many.agentMs),
      /** From the start until the last queue is subscribed. */
      subscribedMs: rounded(many.subscribedMs),
      startCpuMs: rounded(many.cpuMs),
      subscriptionsPerSecond: rounded((many.connections * 1000) / many.subscribeMs),
      blocksSent: many.blocks,
      heapBytesPerConnection: rounded(many.heapBytes),
      bufferBytesPerConnection: rounded(many.bufferBytes),
      residentBytesPerConnection: rounded(many.residentBytes),
      residentMb: rounded(many.residentMb),
    },
    node: process.versions.node,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? null,
  }
}

/** The report for people. */
export function tableOf(r) {
  const { many } = r
  const lines = [
    `${r.messages} messages of ${r.bodyBytes} bytes one way and ${r.turns} in turns a round, one connection, stores on disk`,
    `medians of ${r.rounds} rounds; Node ${r.node}, ${r.cores} cores, ${r.cpu ?? "unknown processor"}`,
    "",
    row("", "without", "post-quantum"),
    ...Object.entries({
      "messages a second": "messagesPerSecond",
      "CPU ms a message": "cpuMsPerMessage",
      "  of its sender": "senderCpuMsPerMessage",
      "  of its receiver": "receiverCpuMsPerMessage",
      "  of the server": "serverCpuMsPerMessage",
      "  of the primitives": "primitivesCpuMsPerMessage",
      "latency ms, in turns": "latencyMsMedian",
      "CPU ms a message, in turns": "cpuMsPerTurn",
      "  of the primitives, in turns": "primitivesCpuMsPerTurn",
    }).map(([title, name]) => row(title, r.plain[name], r.postQuantum[name])),
    row(
      "CPU : primitives",
      times(r.plain.ratios.cpuToPrimitives),
      times(r.postQuantum.ratios.cpuToPrimitives),
    ),
    row(
      "CPU : primitives, in turns",
      times(r.plain.ratios.turnCpuToPrimitives),
      times(r.postQuantum.ratios.turnCpuToPrimitives),
    ),
    "",
    `${many.connections} connections, ${many.connectionsMade} of them made in ${many.setUpSeconds} s`,
    `started anew: store ${Math.round(many.storeOpenMs)} ms, agent ${Math.round(many.agentOpenMs)} ms, all subscribed after ${Math.round(many.subscribedMs)} ms; ${Math.round(many.startCpuMs)} ms of CPU`,
    `${Math.round(many.subscriptionsPerSecond)} subscriptions a second, ${many.blocksSent} blocks sent`,
    `a connection: ${kib(many.heapBytesPerConnection)} of heap, ${kib(many.bufferBytesPerConnection)} of buffers, ${kib(many.residentBytesPerConnection)} resident; ${Math.round(many.residentMb)} MB resident in all`,
  ]
  return `${lines.join("\n")}\n`
}

const row = (name, ...cells) =>
  name.padEnd(32) + cells.map((cell) => String(cell ?? "").padStart(16)).join("")
const times = (value) => (value === null ? "unknown" : `${value.toFixed(2)}×`)
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`
