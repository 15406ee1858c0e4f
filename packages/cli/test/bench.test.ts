import { execFile } from "node:child_process"
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
