import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Agent } from "@smpkit/agent"
import { openAgent } from "@smpkit/agent/node"
import { decodeUtf8 } from "@smpkit/codec"
import { type RunningServer, silentLogger, startServer } from "@smpkit/server"
import { type Browser, type BrowserContext, chromium } from "playwright"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { executablePath } from "./chromium.ts"
import { type Made, PageAgent } from "./page-agent.ts"
import { pageFiles } from "./page-files.ts"

function started<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("it was not started")
  return value
}

describe.skipIf(!existsSync(executablePath))("agents in pages, and a server", { timeout: 120_000 }, () => {
  let browser: Browser | undefined
  let server: RunningServer
  let url = ""
  const contexts: BrowserContext[] = []
  const problems: string[] = []

  /** Another person's browser: nothing is shared with the others. */
  async function person(): Promise<BrowserContext> {
    const context = await started(browser).newContext()
    contexts.push(context)
    context.on("weberror", (error) => problems.push(String(error.error())))
    context.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text())
    })
    return context
  }

  beforeAll(async () => {
    const page = await pageFiles("window", "worker")
    server = await startServer({
      store: "memory",
      host: "localhost",
      bind: "127.0.0.1",
      port: 0,
      web: { page, port: 0 },
      logger: silentLogger(),
    })
    url = server.web?.url ?? ""
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
  }, 120_000)

  afterAll(async () => {
    for (const context of contexts) await context.close()
    await browser?.close()
    await server[Symbol.asyncDispose]()
  })

  test("two browsers connect and talk; one closes, misses messages and has them later", async () => {
    const [a, b] = [await person(), await person()]
    const alice = await PageAgent.start(a, url)
    let bob = await PageAgent.start(b, url)
    expect(await Promise.all([alice.open(server), bob.open(server)])).toEqual([
      { result: {} },
      { result: {} },
    ])
    const ids = await alice.connect(bob)
    await alice.get("sendMessage", { connectionId: ids.alice, text: "hello" })
    const hello = await bob.next("message")
    expect(hello).toMatchObject({ text: "hello", integrity: { type: "ok" } })
    await bob.get("acknowledgeMessage", { connectionId: ids.bob, messageId: hello["messageId"] })
    await bob.get("sendMessage", { connectionId: ids.bob, text: "hi" })
    expect(await alice.next("message")).toMatchObject({ text: "hi" })
    expect(await alice.get("securityCode", { connectionId: ids.alice })).toEqual(
      await bob.get("securityCode", { connectionId: ids.bob }),
    )

    // A tab that is closed says goodbye to nobody.
    await bob.page.close()
    for (const text of ["one", "two"]) {
      await alice.get("sendMessage", { connectionId: ids.alice, text })
    }
    await alice.next("sent", 2)
    bob = await PageAgent.start(b, url)
    expect(await bob.open(server, "wrong")).toMatchObject({ code: "WRONG_PASSPHRASE" })
    expect(await bob.open(server)).toEqual({ result: {} })
    for (const [i, text] of ["one", "two"].entries()) {
      const event = await bob.next("message", i)
      expect(event).toMatchObject({ text, integrity: { type: "ok" } })
      await bob.get("acknowledgeMessage", { connectionId: ids.bob, messageId: event["messageId"] })
    }

    const second = await PageAgent.start(b, url)
    expect(await second.open(server)).toMatchObject({
      code: "STORE_IN_USE",
      message: expect.stringContaining("another tab") as string,
    })
    await bob.get("close")
    expect(await second.open(server)).toEqual({ result: {} })
    expect(await second.get("listConnections")).toMatchObject({ connections: [{ connectionId: ids.bob }] })
    await second.get("close")
    await alice.get("close")
  })

  test("agents live in the page itself as well", async () => {
    const alice = await PageAgent.start(await person(), `${url}?window`)
    const bob = await PageAgent.start(await person(), `${url}?window`)
    for (const agent of [alice, bob]) expect(await agent.open(server)).toEqual({ result: {} })
    const ids = await alice.connect(bob)
    await bob.get("sendMessage", { connectionId: ids.bob, text: "hi" })
    expect(await alice.next("message")).toMatchObject({ text: "hi", integrity: { type: "ok" } })
    for (const agent of [alice, bob]) await agent.get("close")
  })

  test("a browser talks with an agent in Node, whose connection is TLS", async () => {
    const dir = await mkdtemp(join(tmpdir(), "smpkit-agent-"))
    const node: Agent = await openAgent({ dir, passphrase: "x", servers: [server.address] })
    const alice = await PageAgent.start(await person(), url)
    try {
      expect(await alice.open(server)).toEqual({ result: {} })
      const { connectionId, link } = await node.createConnection({ mode: "invitation" })
      const joined = await alice.get<Made>("joinConnection", { link })
      const seen: string[] = []
      for await (const event of node.events()) {
        seen.push(event.type)
        if (event.type === "confirmation") await node.allowConnection(event)
        if (event.type === "connected") {
          await alice.next("connected")
          await node.sendMessage({ connectionId, text: "from Node" })
          expect(await alice.next("message")).toMatchObject({ text: "from Node" })
          await alice.get("sendMessage", { connectionId: joined.connectionId, text: "from a page" })
        }
        if (event.type === "message") {
          expect(decodeUtf8(event.body)).toBe("from a page")
          break
        }
      }
      expect(seen).toContain("connected")
    } finally {
      await alice.call("close")
      await node.close()
      await rm(dir, { recursive: true, force: true })
    }
  })

  test("an endpoint that is none is said at once", async () => {
    const alice = await PageAgent.start(await person(), `${url}?window`)
    for (const endpoint of ["", "https://localhost/smp", "smp"])
      expect(await alice.call("open", { name: "x", passphrase: "x", endpoint })).toMatchObject({
        code: "BAD_PARAMETER",
        message: "An endpoint looks like wss://HOST/PATH.",
      })
  })

  test("no page had anything to complain about", () => {
    expect(problems).toEqual([])
  })
})
