import { open, readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import * as v from "valibot"
import { CommandError, codeOf } from "../failure.ts"

const entrySchema = v.strictObject({
  connectionId: v.string(),
  direction: v.picklist(["send", "receive"]),
  /** A transfer was begun and not ended. */
  unfinished: v.boolean(),
  /** The invitation, until somebody has joined. */
  link: v.exactOptional(v.string()),
  /** The end frame, in hex, of the transfer that was completed last. */
  lastEnd: v.exactOptional(v.string()),
})
const bookSchema = v.strictObject({ version: v.literal(1), pipes: v.record(v.string(), entrySchema) })

/** What the folder knows of a pipe. */
export type PipeEntry = v.InferOutput<typeof entrySchema>

/** The names of pipes in an agent's folder: `pipes.json`, private to its owner. Its one writer is whoever has the agent open. */
export class PipeBook {
  readonly #path: string
  readonly #pipes: Map<string, PipeEntry>

  private constructor(path: string, pipes: Map<string, PipeEntry>) {
    this.#path = path
    this.#pipes = pipes
  }

  static async open(dir: string): Promise<PipeBook> {
    const path = join(dir, "pipes.json")
    let text: string
    try {
      text = await readFile(path, "utf8")
    } catch (error) {
      if (codeOf(error) === "ENOENT") return new PipeBook(path, new Map())
      throw error
    }
    const read = v.safeParse(v.pipe(v.string(), v.parseJson(), bookSchema), text)
    if (!read.success)
      throw new CommandError("FAILED", `${path} is damaged: move it away and make new pipes under new names`)
    return new PipeBook(path, new Map(Object.entries(read.output.pipes)))
  }

  get(name: string): PipeEntry | undefined {
    return this.#pipes.get(name)
  }

  /** Records a pipe; on disk when it resolves. */
  async put(name: string, entry: PipeEntry): Promise<void> {
    this.#pipes.set(name, entry)
    await writeDurably(
      this.#path,
      JSON.stringify({ version: 1, pipes: Object.fromEntries(this.#pipes) }, undefined, 2),
    )
  }

  /** Changes some of a pipe's fields. */
  async change(name: string, fields: Partial<PipeEntry>): Promise<void> {
    const entry = this.#pipes.get(name)
    if (entry === undefined) throw new RangeError("no such pipe")
    await this.put(name, { ...entry, ...fields })
  }

  /** Forgets the invitation of a pipe that has been joined. */
  async forgetLink(name: string): Promise<void> {
    const entry = this.#pipes.get(name)
    if (entry?.link === undefined) return
    const rest = { ...entry }
    delete rest.link
    await this.put(name, rest)
  }
}

/** A name is one word, so that it cannot be taken for a link or an option. */
export function checkPipeName(name: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$/u.test(name)) return name
  throw new CommandError(
    "USAGE",
    "a pipe's name has 1 to 64 letters, digits, dots, hyphens and underscores: choose another",
  )
}

async function writeDurably(path: string, text: string): Promise<void> {
  const next = `${path}.new`
  {
    await using file = await open(next, "w", 0o600)
    await file.writeFile(text)
    await file.sync()
  }
  await rename(next, path)
}
