import { mkdir, open, readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import * as v from "valibot"
import { codeOf, CommandError } from "../failure.ts"

/** A server whose page was used on this machine. */
export interface KnownServer {
  /** Where its page is. */
  readonly url: string
  /** `smp://…`: what it must prove to be. */
  readonly address: string
  /** The local port of the page: a browser keeps the conversations of a page by its port, so that it stays. */
  readonly port: number
}

const bookSchema: v.GenericSchema<unknown, { readonly servers: readonly KnownServer[] }> = v.strictObject({
  servers: v.array(
    v.strictObject({
      url: v.string(),
      address: v.string(),
      port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
    }),
  ),
})

/** The servers that `smpkit web` was used with, the last one first. */
export class KnownServers {
  readonly #dir: string
  #servers: readonly KnownServer[]

  private constructor(dir: string, servers: readonly KnownServer[]) {
    this.#dir = dir
    this.#servers = servers
  }

  /** Throws `CommandError` FAILED when the file is none of ours. */
  static async open(dir: string): Promise<KnownServers> {
    const path = fileIn(dir)
    let text: string
    try {
      text = await readFile(path, "utf8")
    } catch (error) {
      if (codeOf(error) === "ENOENT") return new KnownServers(dir, [])
      throw error
    }
    const read = v.safeParse(v.pipe(v.string(), v.parseJson(), bookSchema), text)
    if (!read.success)
      throw new CommandError("FAILED", `${path} is damaged: mend it, or move it away and begin anew`)
    return new KnownServers(dir, read.output.servers)
  }

  get last(): KnownServer | undefined {
    return this.#servers[0]
  }

  find(url: string): KnownServer | undefined {
    return this.#servers.find((server) => server.url === url)
  }

  /** Puts a server first, in place of what was known about its URL; on disk when it resolves. */
  async keep(server: KnownServer): Promise<void> {
    this.#servers = [server, ...this.#servers.filter(({ url }) => url !== server.url)]
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const path = fileIn(this.#dir)
    const file = await open(`${path}.new`, "w", 0o600)
    try {
      await file.writeFile(`${JSON.stringify({ servers: this.#servers }, undefined, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
  }
}

function fileIn(dir: string): string {
  return join(dir, "web.json")
}
