import { stat, unlink } from "node:fs/promises"
import { connect, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ServerError } from "../errors.ts"

/** The right to be the one process that works on a directory. */
export interface DirectoryLock {
  release(): Promise<void>
}

// A peer that does not answer holds the lock all the same.
const answerMs = 1_000

/**
 * Takes the lock of a directory, named by its device and inode. The lock is a listening socket, which the system closes when the process
 * ends in whatever way; it tells its owner's process id to those that find it taken. Linux's abstract sockets leave nothing behind; elsewhere
 * a socket file may be left, which nobody listens on. Throws `ServerError IN_USE` that names the process.
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  const { dev, ino } = await stat(dir, { bigint: true })
  const name = `smpkit-server-${dev.toString(36)}-${ino.toString(36)}`
  const path = process.platform === "linux" ? `\0${name}` : join(tmpdir(), `${name}.sock`)
  const server = (await listen(path)) ?? (await takeOver(path, dir))
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
      }),
  }
}

/** `undefined` when the path is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined)
      socket.end(`${process.pid}\n`)
    })
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined)
      else reject(error)
    })
    server.listen({ path }, () => {
      server.unref()
      resolve(server)
    })
  })
}

async function takeOver(path: string, dir: string): Promise<Server> {
  const owner = await ask(path)
  if (owner === undefined && !path.startsWith("\0")) {
    await unlink(path)
    const server = await listen(path)
    if (server !== undefined) return server
  }
  const who = owner ?? "another process"
  throw new ServerError("IN_USE", `${dir} is in use by ${who}; stop it first, or use another directory`)
}

/** Who listens; `undefined` when nobody does. */
function ask(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = ""
    const socket = connect({ path })
    const done = (owner: string | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(owner)
    }
    const timer = setTimeout(() => {
      done("another process")
    }, answerMs)
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")))
    socket.on("end", () => {
      done(`process ${answer.trim()}`)
    })
    socket.on("error", () => {
      done(undefined)
    })
  })
}
