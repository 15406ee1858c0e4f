import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { BenchError, usage } from "../failure.mjs"
import { median } from "../figures.mjs"
import { MeasuredChild, withCpu } from "../measured-child.mjs"
import {
  parseServerAddress,
  runLoad,
  SmpClient,
  systemClock,
  systemRandom,
  tlsConnector,
} from "../workspace.mjs"

const command = fileURLToPath(new URL("../../packages/cli/bin/smpkit.js", import.meta.url))

/** The server that is measured: one that is started here, or one at an address. */
export class ServerUnderTest {
  #address
  #child
  #options
  #version

  constructor(options, address, child) {
    this.#options = options
    this.#address = address
    this.#child = child
  }

  static async open(options, dir) {
    if (options.address !== undefined) return new ServerUnderTest(options, addressOf(options.address))
    const child = new MeasuredChild(
      [command, "server", "start", "--dir", join(dir, "server"), "--port", "0", "--store", options.store],
      {
        nodeOptions: options.profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", options.profile],
      },
    )
    const line = await child.line()
    const [, address] = /^listening (smp:\S+)$/.exec(line) ?? []
    if (address === undefined) throw new BenchError("the server said something else than where it listens")
    return new ServerUnderTest(options, addressOf(address), child)
  }

  /** Messages through queues that are made for it, one in flight on each. */
  async load({ messages, queues, connections = this.#options.connections }) {
    let serverCpuMs
    const loaderBefore = process.cpuUsage()
    const result = await runLoad({
      connect: () =>
        SmpClient.connect(this.#address, {
          connector: tlsConnector(),
          clock: systemClock,
          random: systemRandom,
        }),
      basicAuth: this.#address.basicAuth,
      random: systemRandom,
      now: () => performance.now(),
      queues,
      messages,
      bodySize: this.#options.body,
      connections: Math.min(connections, queues),
      around: async (load) => {
        const { value, cpuMs } = await withCpu(this.#child, load)
        serverCpuMs = cpuMs
        return value
      },
    })
    const loader = process.cpuUsage(loaderBefore)
    this.#version = result.smpVersion
    return {
      messagesPerSecond: (messages * 1000) / result.elapsedMs,
      cpuMsPerMessage: serverCpuMs === undefined ? undefined : serverCpuMs / messages,
      latencyMs: median(result.latenciesMs),
      loaderCpuMsPerMessage: (loader.user + loader.system) / 1000 / messages,
    }
  }

  /** The median of SEND to MSG with one message at a time, in milliseconds. */
  async latency(messages) {
    const { latencyMs } = await this.load({ messages, queues: 1, connections: 1 })
    return latencyMs
  }

  async facts() {
    const usage = await this.#child?.usage()
    return { smpVersion: this.#version, rssMb: usage === undefined ? undefined : usage.rss / 1e6 }
  }

  async close() {
    await this.#child?.stop()
  }
}

function addressOf(text) {
  try {
    return parseServerAddress(text)
  } catch (error) {
    throw usage(`no address of a server: ${error.message}`)
  }
}
