import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const command = fileURLToPath(new URL("../../../cli/bin/smpkit.js", import.meta.url))
const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

/** Where Chromium is; `undefined` where there is none, and then the run says what it left out. */
export function chromiumFor(what: string): string | undefined {
  if (existsSync(chromium)) return chromium
  process.stderr.write(
    `SKIPPED: ${what}: there is no Chromium at ${chromium}. Install one, or set CHROMIUM to the path of one.\n`,
  )
  return undefined
}

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "smpkit-web-"))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** A run of `smpkit`: its lines, and its end with the test. */
export class Command implements AsyncDisposable {
  readonly lines: string[] = []
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #errors = ""
  #exited = false

  constructor(...args: readonly string[]) {
    const child = spawn(process.execPath, [command, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, SMPKIT_PASSPHRASE: "for a test" },
    })
    this.#child = child
    createInterface({ input: child.stdout }).on("line", (line) => this.lines.push(line))
    child.stderr.on("data", (data: Uint8Array) => (this.#errors += new TextDecoder().decode(data)))
    this.#ended = new Promise((resolve) => {
      child.once("exit", () => {
        this.#exited = true
        resolve()
      })
    })
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** The first line that fits, waiting for it. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = Date.now() + 30_000
    for (;;) {
      for (const line of this.lines) {
        const match = pattern.exec(line)
        if (match !== null) return match
      }
      if (this.#exited || Date.now() > deadline)
        throw new Error(`no line ${String(pattern)} of smpkit: ${this.lines.join("\n")}\n${this.#errors}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
    await this.#ended
  }
}

/** `smpkit server start` with its web port. */
export class Site implements AsyncDisposable {
  readonly url: string
  /** The server's address for clients over TLS. */
  readonly address: string
  readonly #command: Command

  private constructor(running: Command, url: string, address: string) {
    this.#command = running
    this.url = url
    this.address = address
  }

  /** Ports of 0 are kept in `dir`: a second start has the same ones. */
  static async start(dir: string): Promise<Site> {
    const running = new Command(
      "server",
      "start",
      "--dir",
      dir,
      "--port",
      "0",
      "--web-port",
      "0",
      "--store",
      "disk",
    )
    const [, address = ""] = await running.line(/^listening (smp:\S+)/)
    const [, url = ""] = await running.line(/^listening (http:\S+)/)
    return new Site(running, url, address)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]()
  }
}
