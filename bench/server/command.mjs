import { rmSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { rawCrypto } from "../limits/raw-crypto.mjs"
import { rawFsync, rawLmdb } from "../limits/raw-disk.mjs"
import { RawTls } from "../limits/raw-tls.mjs"
import { help, parseOptions } from "./options.mjs"
import { reportOf, tableOf } from "./report.mjs"
import { ServerUnderTest } from "./server-under-test.mjs"

const latencyMessages = 100
const warmUpMessages = 1_000

/** `bench server`: rounds in which the server and its limits take turns, and their medians. */
export async function run(args) {
  const options = parseOptions(args)
  if (options === undefined) {
    process.stdout.write(help)
    return
  }
  const dir = await mkdtemp(join(tmpdir(), "smpkit-bench-"))
  const cleanUp = () => rmSync(dir, { recursive: true, force: true })
  process.once("exit", cleanUp)
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130))
  const server = await ServerUnderTest.open(options, dir)
  try {
    const rawTls = await RawTls.open(options.connections)
    try {
      const rounds = await measure(options, { server, rawTls, dir })
      const report = reportOf(options, rounds, await server.facts())
      process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report))
    } finally {
      await rawTls.close()
    }
  } finally {
    await server.close()
    cleanUp()
  }
}

async function measure(options, { server, rawTls, dir }) {
  const { queues, messages, body, rounds: count, store, json } = options
  const each = Math.ceil(messages / count)
  const warmUp = Math.min(warmUpMessages, each)
  await server.load({ messages: warmUp, queues })
  await rawTls.fiveBlocks(warmUp, queues)
  const rounds = []
  for (let n = 1; n <= count; n++) {
    if (!json && process.stderr.isTTY) process.stderr.write(`round ${n} of ${count}\r`)
    rounds.push({
      server: await server.load({ messages: each, queues }),
      fiveBlocks: await rawTls.fiveBlocks(each, queues),
      twoBlocks: await rawTls.twoBlocks(each, queues),
      latencyMs: await server.latency(latencyMessages),
      rawLatencyMs: await rawTls.latency(latencyMessages),
      cryptoCpuMs: rawCrypto(Math.min(each, 1_000), body),
      ...(store === "disk" && {
        fsyncMs: await rawFsync(dir, latencyMessages),
        lmdb: await rawLmdb(dir, each, queues),
      }),
    })
  }
  return rounds
}
