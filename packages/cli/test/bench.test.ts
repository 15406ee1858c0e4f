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
] as const)("bench %j is a wrong command line", async (args, message) => {
  const { code, stdout, stderr } = await bench(...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
  expect(stderr).toMatch(message)
  expect(stderr.trim().split("\n")).toHaveLength(1)
})
