import { once } from "node:events"
import { chmod, readFile, rename, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { finished, Workshop } from "./processes.ts"
import { RpcAgent } from "./rpc-agent.ts"

let workshop: Workshop
let address = ""
beforeAll(async () => {
  workshop = await Workshop.open()
  address = (await workshop.server()).address
  await writeFile(workshop.path("open-passphrase"), "x\n")
  await chmod(workshop.path("open-passphrase"), 0o644)
}, 60_000)
afterAll(() => workshop[Symbol.asyncDispose]())

const fingerprint = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
const dir = ["--dir", "agent-of-errors"]

type Row = readonly [
  what: string,
  args: readonly string[],
  code: number,
  stderr: RegExp,
  environment?: NodeJS.ProcessEnv,
]

describe("every failure is one line on stderr that says what to do, and an exit code", () => {
  const rows: readonly Row[] = [
    ["no command", [], 2, /^Usage: smpkit/],
    ["an unknown command", ["frobnicate"], 2, /unknown command 'frobnicate'/],
    ["a misspelt command", ["chatt"], 2, /Did you mean chat/],
    ["an unknown option", ["chat", ...dir, "--cipher", "none"], 2, /unknown option '--cipher'/],
    ["a folder left out", ["agent"], 2, /--dir <dir>/],
    ["an argument too many", ["receive", "a", "b", ...dir], 2, /too many arguments/],
    ["a port that is none", ["server", "start", "--dir", "x", "--port", "70000"], 2, /port is a number/],
    ["a store that is none", ["server", "start", "--dir", "x", "--store", "sqlite"], 2, /disk or memory/],
    [
      "the store that is not there yet",
      ["server", "start", "--dir", "x", "--store", "postgres://x"],
      2,
      /not there yet/,
    ],
    ["no server in the folder", ["server", "address", "--dir", "nowhere"], 1, /smpkit server init/],
    ["no passphrase and nobody to ask", ["agent", ...dir], 2, /--passphrase-file FILE, SMPKIT_PASSPHRASE/],
    ["an empty passphrase", ["agent", ...dir], 2, /--empty-passphrase/, { SMPKIT_PASSPHRASE: "" }],
    ["a passphrase file for all", ["agent", ...dir, "--passphrase-file", "open-passphrase"], 2, /chmod 600/],
    ["no passphrase file", ["agent", ...dir, "--passphrase-file", "nowhere"], 2, /is not there/],
    [
      "a bad server address",
      ["agent", ...dir, "--passphrase-file", "passphrase", "--server", "smp.example.org"],
      2,
      /smp:\/\/FINGERPRINT@HOST:PORT/,
    ],
    [
      "a bad link",
      ["chat", ...dir, "--passphrase-file", "passphrase", "https://example.org/"],
      1,
      /not a usable link/,
    ],
    [
      "a bad link to send to",
      ["send", ...dir, "--passphrase-file", "passphrase", "simplex:/invitation#/?v=1"],
      1,
      /not a usable link/,
    ],
    [
      "a name that is unknown",
      ["send", ...dir, "--passphrase-file", "passphrase", "nobody"],
      2,
      /no pipe nobody/,
    ],
    [
      "a name that is none",
      ["receive", ...dir, "--passphrase-file", "passphrase", "../x"],
      2,
      /letters, digits/,
    ],
    [
      "nowhere to send",
      ["send", ...dir, "--passphrase-file", "passphrase"],
      2,
      /a link, the name of an earlier one/,
    ],
    [
      "no server for a new pipe",
      ["receive", ...dir, "--passphrase-file", "passphrase", "p"],
      2,
      /--server smp/,
    ],
    ["no server for an invitation", ["chat", ...dir, "--passphrase-file", "passphrase"], 2, /--server smp/],
    ["a load on nothing", ["bench", `smp://${fingerprint}@127.0.0.1:1`], 1, /127\.0\.0\.1/],
    [
      "an unreachable server",
      [
        "receive",
        "p",
        "--dir",
        "e1",
        "--passphrase-file",
        "passphrase",
        "--server",
        `smp://${fingerprint}@127.0.0.1:1`,
      ],
      1,
      /cannot be reached/,
    ],
  ]

  test.each(rows.map((row) => [row[0], row] as const))(
    "%s",
    async (_, [, args, code, stderr, environment]) => {
      const result = await workshop.run(args, "", environment)
      expect(result.stderr).toMatch(stderr)
      if (args.length > 0) expect(result.stderr).toMatch(/^smpkit: [^\n]+\n$/)
      expect(result.stdout.toString()).toBe("")
      expect(result.code).toBe(code)
    },
    30_000,
  )

  test("a wrong fingerprint: which was expected and which came", async () => {
    const [, right = "", host = ""] = /^smp:\/\/([^@]+)@(.+)$/.exec(address) ?? []
    const { code, stderr } = await workshop.run(
      [
        "receive",
        "p",
        "--dir",
        "e2",
        "--passphrase-file",
        "passphrase",
        "--server",
        `smp://${fingerprint}@${host}`,
      ],
      "",
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(/^smpkit: [^\n]+\n$/)
    expect(stderr).toContain(fingerprint.replace(/=+$/, ""))
    expect(stderr).toContain(right.replace(/=+$/, ""))
  }, 30_000)

  test("a wrong passphrase, and a second process on one folder (names the first one's pid)", async () => {
    const first = new RpcAgent(workshop.start(["agent", ...workshop.as("shared")]))
    await first.call("version")
    const second = await workshop.run(["chat", ...workshop.as("shared")])
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(String(first.child.pid)) as string,
    })
    expect(second.stderr).toMatch(/^smpkit: [^\n]+\n$/)
    first.child.stdin.end()
    await once(first.child, "exit")
    const wrong = await workshop.run(["agent", "--dir", workshop.path("shared")], "", {
      SMPKIT_PASSPHRASE: "wrong",
    })
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^smpkit: [^\n]*passphrase[^\n]*\n$/) as string,
    })
  }, 60_000)

  test("a second server on one folder, and a busy port", async () => {
    const own = await workshop.server("busy")
    const second = await workshop.run(["server", "start", "--dir", workshop.path("busy")])
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(String(own.child.pid)) as string,
    })
    const holder = createServer().listen(0, "127.0.0.1")
    await once(holder, "listening")
    const held = holder.address()
    const port = typeof held === "object" && held !== null ? held.port : 0
    const busy = await workshop.run(["server", "start", "--dir", workshop.path("other"), "--port", `${port}`])
    holder.close()
    expect(busy.code).toBe(1)
    expect(busy.stderr.trimEnd().split("\n").at(-1)).toMatch(/^smpkit: .*--port/)
  }, 60_000)
})

describe("a server's folder", () => {
  test("init prints the address that start listens on, the picked port is kept, SIGTERM ends it with 0", async () => {
    const made = await workshop.run(["server", "init", "--dir", "made", "--host", "smp.example.org"])
    expect(made.code).toBe(0)
    expect(made.stdout.toString()).toMatch(/^smp:\/\/[\w-]{43}=@smp\.example\.org\n$/)
    expect((await workshop.run(["server", "init", "--dir", "made", "--host", "localhost"])).code).toBe(1)
    expect((await workshop.run(["server", "address", "--dir", "made"])).stdout).toEqual(made.stdout)

    const first = await workshop.server("kept")
    const ended = finished(first.child)
    first.child.kill("SIGTERM")
    expect(await ended).toMatchObject({ code: 0 })
    const again = await workshop.server("kept")
    expect(again.address).toBe(first.address)
    const told = await workshop.run(["server", "address", "--dir", workshop.path("kept")])
    expect(told.stdout.toString()).toBe(`${first.address}\n`)
  }, 60_000)

  test("renew makes a new certificate with the identity's folder from elsewhere, and the address stays (security.md Q16)", async () => {
    const made = await workshop.run(["server", "init", "--dir", "renewed", "--host", "smp.example.org"])
    expect(made.stderr).toContain("set create_password in renewed/server.ini")
    expect(made.stderr).toMatch(/the identity key is readable at renewed\/ca\/ca\.key: move the folder/)
    const certificate = (): Promise<string> => readFile(workshop.path("renewed/server.crt"), "utf8")
    const before = await certificate()
    await rename(workshop.path("renewed/ca"), workshop.path("safe"))
    const without = await workshop.run(["server", "renew", "--dir", "renewed"])
    expect(without.code).toBe(1)
    expect(without.stderr).toMatch(/^smpkit: the certificate cannot be renewed: [^\n]*--ca-dir[^\n]*\n$/)
    expect(await certificate()).toBe(before)
    const renewed = await workshop.run(["server", "renew", "--dir", "renewed", "--ca-dir", "safe"])
    expect(renewed).toMatchObject({ code: 0, stderr: expect.stringMatching(/^smpkit: [^\n]*\n$/) as string })
    expect(await certificate()).not.toBe(before)
    expect((await workshop.run(["server", "address", "--dir", "renewed"])).stdout).toEqual(made.stdout)
  }, 60_000)
})
