import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { once } from "node:events"
import { readFile, stat } from "node:fs/promises"
import { createInterface } from "node:readline"
import { expect, test } from "vitest"
import { finished, lineOf, Workshop } from "../../packages/cli/test/e2e/processes.ts"
import { startExample } from "./processes.ts"

interface Reading {
  readonly time: string
  readonly load: number
}

test("the sensor starts from a link in a file; what it measures while there is no network arrives afterwards, all of it, in order", async () => {
  await using workshop = await Workshop.open()
  const first = await workshop.server()
  const port = /:(\d+)$/.exec(first.address)?.[1] ?? ""
  const link = workshop.path("receiver.link")
  const receiver = startExample(workshop, "sensor/dist/receiver.js", [
    workshop.path("receiver"),
    link,
    first.address,
  ])
  await lineOf(receiver.stderr, /^(give .*)$/)
  expect((await stat(link)).mode & 0o077).toBe(0)
  expect(await readFile(link, "utf8")).toMatch(/^simplex:\/invitation\S+\n$/)

  const readings: Reading[] = []
  const wakes = new Set<() => void>()
  createInterface({ input: receiver.stdout }).on("line", (line) => {
    readings.push(JSON.parse(line) as Reading)
    for (const wake of wakes) wake()
  })
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wakes.add(resolve)
      })
    }
  }

  const startSensor = (): ChildProcessWithoutNullStreams =>
    startExample(workshop, "sensor/dist/sensor.js", [workshop.path("sensor"), link, "0.2"])
  let sensor = startSensor()
  await until(() => readings.length >= 2)

  const gone = once(first.child, "exit")
  first.child.kill("SIGKILL")
  await gone
  // It measures on without a server, also over a restart of its own, which needs no link any more.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const offline = new Date().toISOString()
  const stopped = finished(sensor)
  sensor.kill("SIGTERM")
  expect((await stopped).code).toBe(0)
  sensor = startSensor()
  await new Promise((resolve) => setTimeout(resolve, 2500))
  const online = new Date().toISOString()
  const again = workshop.start(["server", "start", "--dir", workshop.path("server"), "--port", port])
  await lineOf(again.stdout, /^listening (\S+)$/)
  await until(() => (readings.at(-1)?.time ?? "") > online)

  const times = readings.map(({ time }) => time)
  expect(times).toEqual([...new Set(times)].sort())
  expect(times.filter((time) => time < offline).length).toBeGreaterThan(4)
  expect(times.filter((time) => time > offline && time < online).length).toBeGreaterThan(2)

  for (const child of [sensor, receiver]) {
    const ended = finished(child)
    child.kill("SIGINT")
    expect((await ended).code).toBe(0)
  }
}, 120_000)

test("a sensor without a link, or with one that is used up, ends with 2 and says why", async () => {
  await using workshop = await Workshop.open()
  const none = startExample(workshop, "sensor/dist/sensor.js", [workshop.path("sensor"), "no-such-file"])
  expect(await finished(none)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("no-such-file") as string,
  })

  const { address } = await workshop.server()
  const link = workshop.path("receiver.link")
  const receiver = startExample(workshop, "sensor/dist/receiver.js", [
    workshop.path("receiver"),
    link,
    address,
  ])
  await lineOf(receiver.stderr, /^(give .*)$/)
  const first = startExample(workshop, "sensor/dist/sensor.js", [workshop.path("sensor"), link])
  await lineOf(receiver.stdout, /^(\{.*\})$/)
  const second = startExample(workshop, "sensor/dist/sensor.js", [workshop.path("another"), link])
  expect(await finished(second)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("used this link before") as string,
  })
  expect(first.exitCode).toBe(null)
}, 60_000)
