import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { BenchError } from "./failure.mjs"

const reporter = new URL("./cpu-reporter.mjs", import.meta.url).href

/** A Node process whose CPU time can be asked for. */
export class MeasuredChild {
  #child
  #errors = ""
  #lines
  #disconnected

  constructor(args, { nodeOptions = [] } = {}) {
    this.#child = spawn(process.execPath, [...nodeOptions, "--import", reporter, ...args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    })
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-4_000)
    })
    this.#disconnected = once(this.#child, "disconnect").then(() => undefined)
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** The next line that it prints. */
  async line() {
    const { done, value } = await this.#lines.next()
    if (done) throw this.#ended()
    return value
  }

  /** Sends a command to a child that reads them from its IPC channel; its answer is its next line, in JSON. */
  async ask(command) {
    if (!this.#child.connected) throw this.#ended()
    this.#child.send(command)
    return JSON.parse(await this.line())
  }

  /** CPU time so far in milliseconds, and resident bytes now. */
  async usage() {
    if (!this.#child.connected) throw this.#ended()
    const answer = once(this.#child, "message").then(([{ usage }]) => usage)
    this.#child.send("usage")
    const usage = await Promise.race([answer, this.#disconnected])
    if (usage === undefined) throw this.#ended()
    return usage
  }

  #ended() {
    return new BenchError(`a measured process has ended: ${this.#errors.trim() || "it said nothing"}`)
  }

  /** Ends it as a user would, and waits. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const end = once(this.#child, "exit")
    this.#child.kill("SIGTERM")
    await end
  }
}

/** Runs `work`; its value with the milliseconds of CPU that `child` spent meanwhile, `undefined` without a child. */
export async function withCpu(child, work) {
  const before = await child?.usage()
  const value = await work()
  const after = await child?.usage()
  return { value, cpuMs: after === undefined ? undefined : after.cpuMs - before.cpuMs }
}
