import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"

const main = fileURLToPath(new URL("../../../bench/main.mjs", import.meta.url))

interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function bench(...args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

test.each(["memory", "disk"])("bench server prints its figures as one JSON object: %s", async (store) => {
  const { code, stdout, stderr } = await bench("server", "--store", store, "--messages", "200", "--json")
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  const report = JSON.parse(stdout) as Record<string, unknown>
  expect(report).toMatchObject({ store, messages: 200, queues: 100, bodyBytes: 16_000, processes: 1 })
  const figures = ["messagesPerSecond", "cpuMsPerMessage", "latencyMsMedian", "rawTlsCpuMsPerMessage"]
  for (const name of figures) expect(report[name], name).toBeGreaterThan(0)
  expect(report["ratios"]).toMatchObject({
    cpuToRawTls: expect.any(Number) as unknown,
    throughputToRawTls: expect.any(Number) as unknown,
  })
})

test.each([
  [["server", "--processes", "2"], /not there yet/],
  [["server", "--store", "postgres://localhost/smp"], /not there yet/],
  [["server", "--store", "floppy"], /no such store/],
  [["server", "--queues", "0"], /whole number/],
  [["server", "smp://nobody"], /no address/],
  [["browser"], /no such benchmark/],
  [["page", "--rounds", "0"], /whole number/],
  [["agent", "--body", "14000"], /from 8 bytes/],
  [["agent", "--connections", "none"], /whole number/],
] as const)("bench %j is a wrong command line", async (args, message) => {
  const { code, stdout, stderr } = await bench(...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
  expect(stderr).toMatch(message)
  expect(stderr.trim().split("\n")).toHaveLength(1)
})

test("bench agent prints its figures as one JSON object", async () => {
  const few = ["--messages", "4", "--turns", "1", "--rounds", "1", "--connections", "4", "--body", "1000"]
  const { code, stdout, stderr } = await bench("agent", ...few, "--json")
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  const number = expect.any(Number) as unknown
  const figures = {
    messagesPerSecond: number,
    cpuMsPerMessage: number,
    primitivesCpuMsPerMessage: number,
    latencyMsMedian: number,
    ratios: { cpuToPrimitives: number, turnCpuToPrimitives: number },
  }
  expect(JSON.parse(stdout)).toMatchObject({
    bench: "agent",
    store: "disk",
    messages: 4,
    bodyBytes: 1_000,
    rounds: 1,
    plain: figures,
    postQuantum: figures,
    // Two of the four were there for the messages.
    many: { connections: 4, connectionsMade: 2, subscribedMs: number, blocksSent: 1, residentMb: number },
  })
}, 60_000)

test("bench channel prints its figures as one JSON object", async () => {
  const few = ["--handshakes", "4", "--blocks", "50", "--rounds", "1"]
  const { code, stdout, stderr } = await bench("channel", ...few, "--json")
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  const number = expect.any(Number) as unknown
  const ratios = { handshakesToTls: number, blocksToTls: number, blocksToBare: number }
  expect(JSON.parse(stdout)).toMatchObject({
    bench: "channel",
    handshakes: 4,
    blocks: 50,
    rounds: 1,
    ...Object.fromEntries(
      ["tls", "channel", "webSocket", "bare"].map((name) => [name, { blocksPerSecond: number }]),
    ),
    ratios: { channel: ratios, webSocket: ratios },
  })
})

const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium"
const hasChromium = existsSync(chromium)
if (!hasChromium)
  process.stderr.write(
    `SKIPPED: bench page: there is no Chromium at ${chromium}. Install one, or set CHROMIUM to its path.\n`,
  )

test.skipIf(!hasChromium)(
  "bench page prints its figures as one JSON object",
  { timeout: 120_000 },
  async () => {
    const { code, stdout, stderr } = await bench("page", "--rounds", "1", "--json")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const report = JSON.parse(stdout) as Record<string, number>
    expect(report["transferredBytes"]).toBeGreaterThan(50_000)
    expect(report["transferredBytes"]).toBeLessThan(250_000)
    for (const name of ["emptyPageMs", "keyMs", "screenMs", "openMs", "invitationMs", "screenAgainMs"])
      expect(report[name], name).toBeGreaterThan(0)
    expect(report["ratios"]).toMatchObject({ connectedToKey: expect.any(Number) as unknown })
  },
)
