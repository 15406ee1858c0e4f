import { existsSync, readdirSync, readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { toBase64Url, toHex, utf8 } from "@smpkit/codec"
import { type RunningServer, silentLogger, startServer } from "@smpkit/server"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { executablePath, OwnChromium } from "./chromium.ts"
import { PageAgent } from "./page-agent.ts"
import { pageFiles } from "./page-files.ts"
import type { WriterInTest } from "./page/writer.ts"

async function serve(...scripts: readonly string[]): Promise<RunningServer> {
  return await startServer({
    store: "memory",
    host: "localhost",
    bind: "127.0.0.1",
    port: 0,
    web: { page: await pageFiles(...scripts), port: 0 },
    logger: silentLogger(),
  })
}

describe.skipIf(!existsSync(executablePath))("a browser whose data is on disk", { timeout: 180_000 }, () => {
  let directory = ""
  let chromium: OwnChromium | undefined
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "smpkit-chromium-"))
  })
  afterEach(async () => {
    await chromium?.kill()
    chromium = undefined
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
  })

  test("loses nothing that resolved when all of it is killed, and every commit is there wholly or not at all", async () => {
    await using server = await serve("writer")
    let acknowledged = -1
    for (const moment of [1, 10, 40, 0]) {
      chromium = await OwnChromium.start(directory)
      const page = await chromium.context.newPage()
      await page.goto(server.web?.url ?? "")
      const { numbers, pair } = await page.evaluate(() =>
        (globalThis as unknown as { writerInTest: WriterInTest }).writerInTest.start(),
      )
      expect(numbers).toBeGreaterThan(acknowledged)
      expect(pair).toEqual(numbers === 0 ? ["", ""] : [String(numbers - 1), String(numbers - 1)])
      acknowledged = await page.evaluate(
        (wanted) => (globalThis as unknown as { writerInTest: WriterInTest }).writerInTest.until(wanted),
        numbers + moment,
      )
      await chromium.kill()
      chromium = undefined
    }
    expect(acknowledged).toBeGreaterThan(50)
  })

  test("frees the profile when a page crashes", async () => {
    await using server = await serve("writer")
    chromium = await OwnChromium.start(directory)
    const { context } = chromium
    const start = async (): Promise<unknown> => {
      const page = await context.newPage()
      await page.goto(server.web?.url ?? "")
      return await page.evaluate(() =>
        (globalThis as unknown as { writerInTest: WriterInTest }).writerInTest.start().then(
          ({ numbers }) => numbers,
          (error: unknown) => (error as { code: string }).code,
        ),
      )
    }
    expect(await start()).toBe(0)
    expect(await start()).toBe("STORE_IN_USE")
    for (const page of context.pages()) {
      const crashed = page.waitForEvent("crash")
      // It does not answer any more.
      page.goto("chrome://crash").catch(() => undefined)
      await crashed
    }
    expect(await start()).toBeGreaterThan(0)
  })

  test("holds no passphrase, text, link or id that could be read", async () => {
    const [passphrase, text] = ["CANARYphraseCANARY", "CANARYtextCANARY"] as const
    await using server = await serve("window", "worker")
    chromium = await OwnChromium.start(directory)
    const alice = await PageAgent.start(chromium.context, server.web?.url ?? "")
    const bob = await PageAgent.start(chromium.context, `${server.web?.url ?? ""}?window`)
    expect(await alice.open(server, passphrase)).toEqual({ result: {} })
    expect(await bob.open(server, passphrase, "other")).toEqual({ result: {} })
    const { alice: connectionId, link } = await alice.connect(bob)
    await alice.get("sendMessage", { connectionId, text: text.repeat(100) })
    await bob.next("message")
    await chromium.kill()
    chromium = undefined
    const files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name))
    expect(files.filter((file) => file.includes("IndexedDB")).length).toBeGreaterThan(2)
    const keys = new URLSearchParams(link.slice(link.indexOf("?"))).get("e2e") ?? ""
    expect(keys.length).toBeGreaterThan(50)
    const canaries = [passphrase, text, connectionId, keys.slice(-40)]
    for (const file of files) {
      const content = readFileSync(file)
      for (const canary of canaries) {
        const raw = utf8(canary)
        const forms = [canary, toHex(raw), toBase64Url(raw).slice(0, -2), Buffer.from(canary, "utf16le")]
        for (const form of forms) expect([file, content.includes(form)]).toEqual([file, false])
      }
    }
  })
})
