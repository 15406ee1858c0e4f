import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { asBrowser, PageAgent } from "./page-agent.ts"
import { finished, lineOf, Workshop } from "./processes.ts"
import { RpcAgent } from "./rpc-agent.ts"

const timeoutMs = 120_000
let workshop: Workshop
beforeAll(async () => {
  workshop = await Workshop.open()
  // Another build of the page, so that nothing here waits for the real one.
  await mkdir(workshop.path("page/assets"), { recursive: true })
  await writeFile(workshop.path("page/index.html"), "<!doctype html><title>a page</title>")
  await writeFile(workshop.path("page/assets/main-0123abcd.js"), "// a script\n")
  await writeFile(workshop.path("page/.hidden"), "not served")
})
afterAll(() => workshop[Symbol.asyncDispose]())

type Child = ReturnType<Workshop["start"]>
interface Started {
  readonly child: Child
  /** The lines of stdout that are promised. */
  readonly listening: readonly string[]
  readonly page: string
}

async function start(
  args: readonly string[],
  lines: number,
  environment: NodeJS.ProcessEnv = {},
): Promise<Started> {
  const child = workshop.start([...args, "--web-page", workshop.path("page")], environment)
  let out = ""
  let err = ""
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()))
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString()
      if (out.split("\n").length > lines) resolve()
    })
    child.once("close", () => {
      reject(new Error(err))
    })
  })
  const listening = out.trimEnd().split("\n")
  return { child, listening, page: listening.at(-1)?.replace("listening ", "") ?? "" }
}

const server = (dir: string, ...more: readonly string[]): Promise<Started> =>
  start(
    [
      "server",
      "start",
      "--dir",
      workshop.path(dir),
      "--port",
      "0",
      "--channel-port",
      "0",
      "--web-port",
      "0",
      ...more,
    ],
    3,
  )

async function stop({ child }: Started, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
  const exit = once(child, "exit") as Promise<[number | null]>
  child.kill(signal)
  return (await exit)[0]
}

/** Connects a page's agent with one that is a process on TLS. */
async function acquainted(
  page: PageAgent,
  other: RpcAgent,
): Promise<{ readonly page: string; readonly other: string }> {
  const { connectionId, link } = await page.agent.createConnection({ mode: "invitation" })
  const joined = await other.call<{ connectionId: string }>("joinConnection", { link })
  const { confirmationId } = await page.event("confirmation")
  await page.agent.allowConnection({ connectionId, confirmationId })
  await Promise.all([page.event("connected"), other.event("connected")])
  return { page: connectionId, other: joined.connectionId }
}

/** A message each way. */
async function exchange(
  page: PageAgent,
  other: RpcAgent,
  ids: { readonly page: string; readonly other: string },
): Promise<void> {
  await page.agent.sendMessage({ connectionId: ids.page, text: "from the page" })
  const there = await other.event("message")
  expect(there).toMatchObject({ text: "from the page", integrity: { type: "ok" } })
  await other.call("acknowledgeMessage", { connectionId: ids.other, messageId: there["messageId"] })
  await other.call("sendMessage", { connectionId: ids.other, text: "to the page" })
  const here = await page.event("message")
  expect(here).toMatchObject({ text: "to the page", integrity: { type: "ok" } })
  await page.agent.acknowledgeMessage({ connectionId: ids.page, messageId: here.messageId })
}

describe("smpkit server start --channel-port --web-port", () => {
  test("one line a port and nothing else, the ports are kept, SIGTERM ends it with 0", async () => {
    const first = await server("lines")
    expect(first.listening).toEqual([
      expect.stringMatching(/^listening smp:\/\/[\w-]{43}=@localhost:\d+$/),
      expect.stringMatching(/^listening channel:\/\/[\w-]{43}=@localhost:\d+$/),
      expect.stringMatching(/^listening http:\/\/localhost:\d+\/$/),
    ])
    expect(await (await fetch(first.page)).text()).toContain("a page")
    expect((await fetch(new URL(".hidden", first.page))).status).toBe(404)
    expect(await (await fetch(new URL("server.json", first.page))).json()).toEqual({
      servers: [first.listening[0]?.replace("listening ", "")],
    })
    expect(await stop(first)).toBe(0)
    const again = await start(["server", "start", "--dir", workshop.path("lines")], 3)
    expect(again.listening).toEqual(first.listening)
    expect(await stop(again, "SIGINT")).toBe(0)
  })

  test(
    "an agent over the web port and one over TLS talk, also after the server was away",
    async () => {
      let running = await server("talk")
      const address = running.listening[0]?.replace("listening ", "") ?? ""
      const bob = new RpcAgent(workshop.start(["agent", ...workshop.as("bob"), "--server", address]))
      await using alice = await PageAgent.open(running.page)
      const ids = await acquainted(alice, bob)
      await exchange(alice, bob, ids)
      expect(await stop(running)).toBe(0)
      await alice.agent.sendMessage({ connectionId: ids.page, text: "while it is away" })
      running = await server("talk")
      const late = await bob.event("message")
      expect(late).toMatchObject({ text: "while it is away", integrity: { type: "ok" } })
      await bob.call("acknowledgeMessage", { connectionId: ids.other, messageId: late["messageId"] })
      await exchange(alice, bob, ids)
      bob.child.stdin.end()
      expect(await stop(running)).toBe(0)
    },
    timeoutMs,
  )

  const bad: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      "a page for all without TLS",
      ["--web-port", "0", "--bind", "0.0.0.0"],
      2,
      /--web-certificate.*--web-public-url/,
    ],
    [
      "the same by --web-bind",
      ["--web-port", "0", "--web-bind", "::"],
      2,
      /--web-certificate.*--web-public-url/,
    ],
    ["a public URL without TLS", ["--web-port", "0", "--web-public-url", "http://x/"], 2, /https:\/\/HOST\//],
    ["a certificate without key", ["--web-port", "0", "--web-certificate", "x"], 2, /--web-key/],
    [
      "a certificate that is not there",
      ["--web-port", "0", "--web-certificate", "x", "--web-key", "y"],
      2,
      /cannot be read/,
    ],
    ["no port for the page", ["--web-public-url", "https://x/"], 2, /--web-port/],
    ["a port that is none", ["--web-port", "many"], 2, /a port is a number/],
    ["a folder without a page", ["--web-port", "0", "--web-page", "nowhere"], 1, /--web-page names a folder/],
  ]
  test.each(bad)(
    "%s: one line that says what to do, and nothing is made",
    async (_what, args, code, line) => {
      const ended = await workshop.run(["server", "start", "--dir", "never", "--port", "0", ...args])
      expect(ended).toMatchObject({ code, stdout: Buffer.alloc(0) })
      expect(ended.stderr).toMatch(/^smpkit: [^\n]+\n$/)
      expect(ended.stderr).toMatch(line)
      await expect(readFile(workshop.path("never/server.ini"))).rejects.toMatchObject({ code: "ENOENT" })
    },
  )

  test("a server with a name in the world says that its page stays here, and how to change that", async () => {
    const child = workshop.start(
      [
        "server",
        "start",
        "--dir",
        workshop.path("named"),
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--web-port",
        "0",
      ].concat("--web-page", workshop.path("page")),
    )
    const ended = finished(child)
    expect(await lineOf(child.stdout, /^listening (http:.*)$/)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    child.kill("SIGTERM")
    expect((await ended).stderr).toContain("--web-public-url https://")
  })
})

describe("with a certificate", () => {
  const certificate = (): readonly string[] => {
    const files = [workshop.path("web.crt"), workshop.path("web.key")] as const
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    execFileSync(
      "openssl",
      ["req", "-x509", ...key, ...subject, "-keyout", files[1], "-out", files[0], "-days", "2"],
      {
        stdio: "ignore",
      },
    )
    return ["--web-certificate", files[0], "--web-key", files[1]]
  }

  test(
    "the page is on https, and smpkit web reaches the server behind it",
    async () => {
      const running = await server("secure", ...certificate())
      expect(running.page).toMatch(/^https:\/\/localhost:\d+\/$/)
      const trust = { NODE_EXTRA_CA_CERTS: workshop.path("web.crt") }
      const local = await start(["web", running.page, "--dir", workshop.path("secure-web")], 1, trust)
      expect(await (await fetch(new URL("server.json", local.page))).json()).toEqual({
        servers: [running.listening[0]?.replace("listening ", "")],
      })
      expect(await stop(local)).toBe(0)
      const suspicious = await workshop.run(["web", running.page, "--dir", workshop.path("other-web")])
      expect(suspicious).toMatchObject({ code: 1, stderr: expect.stringContaining("SELF_SIGNED") as string })
      expect(await stop(running)).toBe(0)
    },
    timeoutMs,
  )

  test("a key that does not fit is told in one line", async () => {
    const [option = "", file = ""] = certificate()
    const args = [
      "server",
      "start",
      "--dir",
      "misfit",
      "--port",
      "0",
      "--web-port",
      "0",
      option,
      file,
      "--web-key",
      file,
    ]
    const ended = await workshop.run([...args, "--web-page", workshop.path("page")])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^smpkit: the web certificate and its key cannot be used[^\n]*\n$/)
  })
})

describe("smpkit web", () => {
  test(
    "serves the page on 127.0.0.1 to its own origin only, carries its channel, and ends with Ctrl-C",
    async () => {
      const running = await server("relay")
      const address = running.listening[0]?.replace("listening ", "") ?? ""
      const local = await start(["web", running.page, "--dir", workshop.path("web")], 1)
      expect(local.page).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
      const { port } = new URL(local.page)
      expect(await (await fetch(local.page)).text()).toContain("a page")
      const foreign = await fetch(new URL("server.json", local.page), {
        headers: { Origin: "https://evil.example" },
      })
      expect(foreign.status).toBe(403)
      expect((await fetch(`http://localhost:${port}/`).catch(() => undefined))?.status ?? 403).toBe(403)

      const browser = await asBrowser(Number(port))
      const bob = new RpcAgent(workshop.start(["agent", ...workshop.as("bert"), "--server", address]))
      {
        await using alice = await PageAgent.open(browser.page)
        const ids = await acquainted(alice, bob)
        await exchange(alice, bob, ids)
        const passed = Buffer.concat(browser.seen).toString("latin1")
        expect(passed.length).toBeGreaterThan(100_000)
        // Words of the protocol, which stand in every block in clear.
        for (const word of ["PONG", "SEND ", "SKEY ", "IDS "]) expect(passed).not.toContain(word)
        expect(await stop(local, "SIGINT")).toBe(0)
      }
      browser.close()
      bob.child.stdin.end()

      const again = await start(["web", "--dir", workshop.path("web")], 1)
      expect(again.page).toBe(local.page)
      const second = await workshop.run([
        "web",
        "--dir",
        workshop.path("web"),
        "--web-page",
        workshop.path("page"),
      ])
      expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(port) as string })
      expect(second.stderr).toMatch(/^smpkit: [^\n]+\n$/)
      await stop(again)
      await stop(running)
      const alone = await start(["web", "--dir", workshop.path("web")], 1)
      expect(alone.page).toBe(local.page)
      expect(await stop(alone)).toBe(0)
    },
    timeoutMs,
  )

  test(
    "another server than expected is refused, at the first time by --server and later by what was kept",
    async () => {
      const [one, two] = [await server("one"), await server("two")]
      const address = two.listening[0]?.replace("listening ", "") ?? ""
      const page = ["--web-page", workshop.path("page")]
      const wrong = await workshop.run([
        "web",
        one.page,
        "--dir",
        workshop.path("pin"),
        "--server",
        address,
        ...page,
      ])
      expect(wrong.code).toBe(1)
      expect(wrong.stderr).toMatch(/^smpkit: [^\n]*expected fingerprint [\w-]{43}[^\n]*\n$/)

      // A page that names a server which is not behind its `./smp`.
      const liar = createServer((request, response) => {
        if (request.url === "/server.json") response.end(JSON.stringify({ servers: [address] }))
        else response.writeHead(404).end()
      })
      liar.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"))
      await new Promise<void>((resolve) => liar.listen(0, "127.0.0.1", resolve))
      const lying = `http://127.0.0.1:${(liar.address() as AddressInfo).port}/`
      const refused = await workshop.run(["web", lying, "--dir", workshop.path("pin"), ...page])
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/^smpkit: [^\n]*does not prove to be the server[^\n]*\n$/)
      liar.close()

      const book = { servers: [{ url: one.page, address, port: 12_345 }] }
      await mkdir(workshop.path("kept"), { recursive: true })
      await writeFile(workshop.path("kept/web.json"), JSON.stringify(book))
      const changed = await workshop.run(["web", "--dir", workshop.path("kept"), ...page])
      expect(changed.code).toBe(1)
      expect(changed.stderr).toMatch(/^smpkit: [^\n]*expected fingerprint[^\n]*\n$/)
      await stop(one)
      await stop(two)
    },
    timeoutMs,
  )

  const bad: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ["no server yet", [], 2, /smpkit web https:\/\/HOST\//],
    ["a server's address", ["smp://x@host"], 2, /as a browser shows it/],
    ["no address", ["chat"], 2, /as a browser shows it/],
    ["an address without TLS", ["http://192.0.2.1/"], 2, /--server smp:/],
    ["a server that is not there", ["http://127.0.0.1:1/"], 1, /ECONNREFUSED|bad port/],
    ["a bad address to expect", ["https://localhost/", "--server", "x"], 2, /smp:\/\/FINGERPRINT/],
  ]
  test.each(bad)("%s: one line that says what to do", async (_what, args, code, line) => {
    const page = ["--web-page", workshop.path("page")]
    const ended = await workshop.run(["web", ...args, "--dir", workshop.path("bad"), ...page])
    expect(ended).toMatchObject({ code, stdout: Buffer.alloc(0) })
    expect(ended.stderr).toMatch(/^smpkit: [^\n]+\n$/)
    expect(ended.stderr).toMatch(line)
  })

  test("a page that is none of ours, and a file that is damaged", async () => {
    const other = createServer((_request, response) => response.end("<html>"))
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`
    const page = ["--web-page", workshop.path("page")]
    const ended = await workshop.run(["web", url, "--dir", workshop.path("bad"), ...page])
    other.close()
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("is not the page of") as string })
    await mkdir(workshop.path("damaged"), { recursive: true })
    await writeFile(workshop.path("damaged/web.json"), "{}")
    const damaged = await workshop.run(["web", "--dir", workshop.path("damaged"), ...page])
    expect(damaged).toMatchObject({ code: 1, stderr: expect.stringContaining("damaged") as string })
  })
})
