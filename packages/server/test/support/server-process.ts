import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { systemRandom } from "@smpkit/crypto"
import type { ServerAddress } from "@smpkit/smp"
import { clientHandshake } from "@smpkit/transport"
import { connectTls } from "@smpkit/transport/tls"
import { loadServer } from "../../src/server-directory.ts"
import { TestClient } from "./test-client.ts"

const script = fileURLToPath(new URL("server-process.mjs", import.meta.url))

/** A server that runs in a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess
  readonly address: ServerAddress
  /** `kill -9` unless another signal is named; resolves with the exit code when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<number | null>
}

/** Resolves when the server listens; rejects with what it said when it ends instead. */
export async function startProcess(
  dir: string,
  {
    args = [],
    env = {},
  }: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [script, dir, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  })
  let out = ""
  let err = ""
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString()
      const found = /listening (\d+)/.exec(out)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()))
    child.once("exit", (code) => {
      reject(new Error(`exit ${String(code)}: ${err.trim()}`))
    })
  })
  const { identity } = await loadServer(dir)
  return {
    child,
    address: { hosts: ["127.0.0.1"], port, keyHash: identity.keyHash },
    kill: async (signal = "SIGKILL") => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const gone = once(child, "exit")
      child.kill(signal)
      await gone
      return child.exitCode
    },
  }
}

/** A client on a server over TLS. */
export async function connectClient(address: ServerAddress): Promise<TestClient> {
  const stream = await connectTls(address)
  const session = await clientHandshake(stream, { keyHash: address.keyHash, random: systemRandom })
  return new TestClient(session, systemRandom)
}
