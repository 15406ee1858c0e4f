import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { BenchError } from "../failure.mjs"
import { MeasuredChild } from "../measured-child.mjs"

const command = fileURLToPath(new URL("../../packages/cli/bin/smpkit.js", import.meta.url))
const agentProcess = fileURLToPath(new URL("./agent-process.mjs", import.meta.url))
/** So many handshakes at a time. */
const handshakesAtOnce = 16

/** A server and two agents, each in a process of its own, with their stores on disk. */
export class People {
  alice
  bob
  server
  #dir
  #address
  #profile

  static async open(dir, profile) {
    const people = new People()
    people.#dir = dir
    people.#profile = profile
    people.server = new MeasuredChild(
      [command, "server", "start", "--dir", join(dir, "server"), "--port", "0", "--store", "disk"],
      { nodeOptions: people.#options },
    )
    const [, address] = /^listening (smp:\S+)$/.exec(await people.server.line()) ?? []
    if (address === undefined) throw new BenchError("the server said something else than where it listens")
    people.#address = address
    return people
  }

  get #options() {
    return this.#profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", this.#profile]
  }

  /** Starts an agent in a new process; what `open` says. */
  async start(name) {
    this[name] = new MeasuredChild([agentProcess, join(this.#dir, name), this.#address], {
      nodeOptions: ["--expose-gc", ...this.#options],
    })
    await this[name].line()
    return await this[name].ask({ name: "open" })
  }

  async stop(name) {
    const child = this[name]
    if (child === undefined) return
    this[name] = undefined
    await child.ask({ name: "close" }).catch(() => undefined)
    await child.stop()
  }

  /** Connects the two `count` times; the ids on both sides. `progress` hears how many there are. */
  async connect(count, postQuantum, progress = () => undefined) {
    const ids = { alice: [], bob: [] }
    while (ids.alice.length < count) {
      const some = Math.min(handshakesAtOnce, count - ids.alice.length)
      const made = await this.alice.ask({ name: "invite", count: some, postQuantum })
      const links = made.map(({ link }) => link)
      const joined = await this.bob.ask({ name: "join", links, postQuantum })
      const alice = made.map(({ connectionId }) => connectionId)
      const bob = joined.map(({ connectionId }) => connectionId)
      await this.alice.ask({ name: "connected", ids: alice })
      await this.bob.ask({ name: "connected", ids: bob })
      ids.alice.push(...alice)
      ids.bob.push(...bob)
      progress(ids.alice.length)
    }
    return ids
  }

  /** `count` messages by a connection, one way, as fast as they are taken. */
  async stream({ alice }, count, size) {
    return await this.#measured(count, async () => {
      await Promise.all([
        this.alice.ask({ name: "send", id: alice, count, size }),
        this.bob.ask({ name: "received", count }),
      ])
    })
  }

  /** `count` messages each way, each when the one before has come; a message is one of either way. */
  async turns({ alice }, count, size) {
    const turn = async () => {
      await this.alice.ask({ name: "turns", id: alice, count, size })
      await this.bob.ask({ name: "received", count })
    }
    return await this.#measured(2 * count, turn, { echo: size })
  }

  async #measured(messages, work, { echo } = {}) {
    await this.alice.ask({ name: "reset" })
    await this.bob.ask({ name: "reset", echo })
    const before = await this.#cpuMs()
    const began = performance.now()
    await work()
    const elapsedMs = performance.now() - began
    const after = await this.#cpuMs()
    const cpu = Object.fromEntries(
      Object.entries(after).map(([name, ms]) => [name, (ms - before[name]) / messages]),
    )
    const { latencyMs } = await this.bob.ask({ name: "received", count: 1 })
    return {
      messagesPerSecond: (messages * 1000) / elapsedMs,
      cpu,
      cpuMs: cpu.alice + cpu.bob + cpu.server,
      latencyMs,
    }
  }

  /** CPU time of all three processes so far, in milliseconds. */
  async #cpuMs() {
    const usages = await Promise.all([this.alice, this.bob, this.server].map((child) => child.usage()))
    const [alice, bob, server] = usages.map(({ cpuMs }) => cpuMs)
    return { alice, bob, server }
  }

  async close() {
    await Promise.all([this.stop("alice"), this.stop("bob")])
    await this.server.stop()
  }
}
