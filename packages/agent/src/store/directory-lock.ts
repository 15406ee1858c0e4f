import { createHash } from "node:crypto"
import { once } from "node:events"
import { readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs"
import { connect, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { StoreError } from "./errors.ts"

/** A lock on a directory. The system frees it when the process ends in whatever way, `kill -9` among them. */
export interface DirectoryLock extends AsyncDisposable {
  readonly directory: string
}

/**
 * Locks an existing directory for this process. Throws `StoreError STORE_IN_USE`, which names the owner's process id.
 *
 * Node has no file locks; what every system takes back from a dead process is a listening local socket, so the lock is one that nobody talks to, named after the directory.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = realpathSync(directory)
  const name = socketName(path)
  const server = (await listen(name)) ?? (await takeOver(name))
  const note = join(path, "owner")
  if (server === undefined) {
    throw new StoreError("STORE_IN_USE", `${directory} is in use by process ${owner(note)}; stop it first`)
  }
  try {
    writeFileSync(note, `${process.pid}\n`, { mode: 0o600 })
  } catch (cause) {
    server.close()
    throw new StoreError("STORE_FAILED", `${directory} cannot be written to`, { cause })
  }
  return {
    directory: path,
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return
      server.close()
      await once(server, "close")
    },
  }
}

/** The same for every path to one directory, and of the length at which all releases of Node name an abstract socket alike. */
function socketName(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  const id = createHash("sha256").update(`smpkit store ${dev} ${ino}`).digest("hex").slice(0, 48)
  if (process.platform === "linux") return `\0smpkit-store-${id}`.padEnd(108, "-")
  if (process.platform === "win32") return `\\\\.\\pipe\\smpkit-store-${id}`
  return join(tmpdir(), `smpkit-${id.slice(0, 24)}.lock`)
}

/** `undefined` when the name is taken. The socket holds the process: a program runs for as long as its store is open, also while no server can be reached. */
async function listen(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  // `exclusive`: in a worker of node:cluster the socket would otherwise belong to the first process.
  server.listen({ path: name, exclusive: true })
  try {
    await once(server, "listening")
    return server
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return undefined
    throw error
  }
}

/** Where the socket is a file, a dead process leaves its name behind: a name at which nobody answers is removed. */
async function takeOver(name: string): Promise<Server | undefined> {
  if (process.platform === "linux" || process.platform === "win32") return undefined
  const socket = connect(name)
  try {
    await once(socket, "connect")
    return undefined
  } catch {
    rmSync(name, { force: true })
    return await listen(name)
  } finally {
    socket.destroy()
  }
}

function owner(note: string): string {
  try {
    return readFileSync(note, "utf8").trim()
  } catch {
    return "(unknown)"
  }
}
