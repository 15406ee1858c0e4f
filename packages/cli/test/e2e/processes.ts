import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** The command itself, for programs that call it. */
export const command: string = fileURLToPath(new URL("../../bin/smpkit.js", import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Real processes of the command and a folder for them; all of them end with the test. */
export class Workshop implements AsyncDisposable {
  readonly dir: string
  readonly #children = new Set<ChildProcessWithoutNullStreams>()

  private constructor(dir: string) {
    this.dir = dir
  }

  static async open(): Promise<Workshop> {
    const workshop = new Workshop(await mkdtemp(join(tmpdir(), "smpkit-e2e-")))
    await writeFile(workshop.path("passphrase"), "correct horse battery staple\n", { mode: 0o600 })
    return workshop
  }

  path(name: string): string {
    return join(this.dir, name)
  }

  /** Options of an agent's folder. */
  as(name: string): readonly string[] {
    return ["--dir", this.path(name), "--passphrase-file", this.path("passphrase")]
  }

  start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
    return this.spawn(process.execPath, [command, ...args], environment)
  }

  /** Any other program. */
  spawn(
    program: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): ChildProcessWithoutNullStreams {
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("SMPKIT_")),
    )
    const child = spawn(program, [...args], {
      cwd: this.dir,
      env: { ...inherited, ...environment },
    })
    this.#children.add(child)
    child.once("exit", () => this.#children.delete(child))
    child.stdin.on("error", () => undefined) // the child may end before it has read all
    return child
  }

  /** Runs to the end. */
  async run(
    args: readonly string[],
    input: string | Uint8Array = "",
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Finished> {
    const child = this.start(args, environment)
    child.stdin.end(input)
    return await finished(child)
  }

  /** Starts a server on a free port and resolves to its address when it listens. */
  async server(
    name = "server",
  ): Promise<{ readonly child: ChildProcessWithoutNullStreams; readonly address: string }> {
    const child = this.start(["server", "start", "--dir", this.path(name), "--port", "0"])
    const done = finished(child)
    const line = await Promise.race([
      lineOf(child.stdout, /^listening (smp:\/\/\S+)$/),
      done.then(({ stderr }) => new Error(stderr)),
    ])
    if (line instanceof Error) throw line
    return { child, address: line }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#children].map((child) => once(child, "exit"))
    for (const child of this.#children) child.kill("SIGKILL")
    await Promise.all(ends)
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** Everything that a process writes, and its exit code. */
export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk))
  const [code] = (await once(child, "close")) as [number | null]
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }
}

/** The first group of the first line that matches. */
export async function lineOf(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  return await new Promise((resolve, reject) => {
    const lines = createInterface({ input: stream })
    lines.on("line", (line) => {
      const match = pattern.exec(line)
      if (match?.[1] !== undefined) resolve(match[1])
    })
    lines.on("close", () => {
      reject(new Error(`the output ended without ${pattern.source}`))
    })
  })
}
