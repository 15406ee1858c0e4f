import { join } from "node:path"
import { decodeUtf8, utf8 } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import * as v from "valibot"
import { CommandError } from "../failure.ts"
import { SealedFile } from "./sealed-file.ts"

/** What the folder knows of a pipe. */
export interface PipeEntry {
  readonly connectionId: string
  readonly direction: "send" | "receive"
  /** A transfer was begun and not ended. */
  readonly unfinished: boolean
  /** The invitation, until somebody has joined. */
  readonly link?: string
  /** The end frame, in hex, of the transfer that was completed last. */
  readonly lastEnd?: string
}

const entrySchema: v.GenericSchema<unknown, PipeEntry> = v.strictObject({
  connectionId: v.string(),
  direction: v.picklist(["send", "receive"]),
  unfinished: v.boolean(),
  link: v.exactOptional(v.string()),
  lastEnd: v.exactOptional(v.string()),
})
const bookSchema = v.strictObject({ version: v.literal(1), pipes: v.record(v.string(), entrySchema) })

/** The names of pipes in an agent's folder, sealed like its store. Its one writer is whoever has the agent open. */
export class PipeBook {
  readonly #file: SealedFile
  readonly #pipes: Map<string, PipeEntry>

  private constructor(file: SealedFile, pipes: Map<string, PipeEntry>) {
    this.#file = file
    this.#pipes = pipes
  }

  /** Throws `CommandError` FAILED when the file does not open. */
  static async open(dir: string, passphrase: string): Promise<PipeBook> {
    const path = join(dir, "pipes.sealed")
    const { file, content } = await SealedFile.open(path, { passphrase, random: systemRandom })
    if (content === undefined) return new PipeBook(file, new Map())
    const read = v.safeParse(v.pipe(v.string(), v.parseJson(), bookSchema), decodeUtf8(content))
    if (!read.success)
      throw new CommandError("FAILED", `${path} was written by another release: update smpkit`)
    return new PipeBook(file, new Map(Object.entries(read.output.pipes)))
  }

  get(name: string): PipeEntry | undefined {
    return this.#pipes.get(name)
  }

  /** The connections of all pipes. */
  connectionIds(): ReadonlySet<string> {
    return new Set([...this.#pipes.values()].map(({ connectionId }) => connectionId))
  }

  /** Records a pipe; on disk when it resolves. */
  async put(name: string, entry: PipeEntry): Promise<void> {
    this.#pipes.set(name, entry)
    await this.#file.write(utf8(JSON.stringify({ version: 1, pipes: Object.fromEntries(this.#pipes) })))
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
    const { connectionId, direction, unfinished, lastEnd } = entry
    await this.put(name, {
      connectionId,
      direction,
      unfinished,
      ...(lastEnd === undefined ? {} : { lastEnd }),
    })
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
