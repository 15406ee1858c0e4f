import { fileURLToPath } from "node:url"
import { MeasuredChild, withCpu } from "../measured-child.mjs"
import {
  channelClient,
  connectTcpChannel,
  connectTls,
  connectWebSocket,
  systemClock,
  systemRandom,
} from "../workspace.mjs"
import { connectBare } from "./bare.mjs"
import { block, lastBlock } from "./wire.mjs"

const host = "127.0.0.1"
const plain = block(0)
const last = block(lastBlock)

/** The three ways to the server of the measurement, and the limit of the second. */
export class Carriers {
  #child
  #connect

  constructor(child, connect) {
    this.#child = child
    this.#connect = connect
  }

  static async open({ profile }) {
    const nodeOptions = profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profile]
    const child = new MeasuredChild([fileURLToPath(new URL("./server.mjs", import.meta.url))], {
      nodeOptions,
    })
    const { ports, keyHash: hex } = JSON.parse(await child.line())
    const keyHash = new Uint8Array(Buffer.from(hex, "hex"))
    const address = (port) => ({ hosts: [host], port: String(port), keyHash })
    return new Carriers(child, {
      tls: () => connectTls(address(ports.tls)),
      channel: () => connectTcpChannel(address(ports.tcp)),
      webSocket: async () =>
        await channelClient(await connectWebSocket(`ws://${host}:${ports.webSocket}/smp`), {
          keyHash,
          clock: systemClock,
          random: systemRandom,
        }),
      bare: () => connectBare(host, ports.bare),
    })
  }

  /** Connections, some at a time; they stay open until all are there. */
  async handshakes(carrier, count, concurrency) {
    const streams = []
    let left = count
    const one = async () => {
      while (left > 0) {
        left -= 1
        streams.push(await this.#connect[carrier]())
      }
    }
    const before = process.cpuUsage()
    const { value: elapsedMs, cpuMs } = await withCpu(this.#child, async () => {
      const began = performance.now()
      await Promise.all(Array.from({ length: concurrency }, one))
      return performance.now() - began
    })
    const clientCpuMs = cpuSince(before)
    await Promise.all(streams.map((stream) => stream.close()))
    return {
      handshakesPerSecond: (count * 1000) / elapsedMs,
      cpuMsPerHandshake: cpuMs / count,
      clientCpuMsPerHandshake: clientCpuMs / count,
    }
  }

  /** Blocks one way over one connection, the last of which is answered. */
  async blocks(carrier, count) {
    const stream = await this.#connect[carrier]()
    const before = process.cpuUsage()
    const { value: elapsedMs, cpuMs } = await withCpu(this.#child, async () => {
      const began = performance.now()
      for (let i = 1; i < count; i++) await stream.write(plain)
      await stream.write(last)
      await stream.read()
      return performance.now() - began
    })
    const clientCpuMs = cpuSince(before)
    await stream.close()
    return {
      blocksPerSecond: (count * 1000) / elapsedMs,
      cpuMsPerBlock: cpuMs / count,
      clientCpuMsPerBlock: clientCpuMs / count,
    }
  }

  close() {
    return this.#child.stop()
  }
}

function cpuSince(before) {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
