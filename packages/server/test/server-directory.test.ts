import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { toHex } from "@smpkit/codec"
import { seededRandom } from "@smpkit/testkit"
import { FakeClock } from "@smpkit/testkit"
import { verifyChain } from "@smpkit/transport"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { defaultConfiguration, formatConfiguration, parseConfiguration } from "../src/configuration.ts"
import { ServerError } from "../src/errors.ts"
import { initServer, isInitialized, loadServer, renewCertificate } from "../src/server-directory.ts"
import { startServer } from "../src/server.ts"

let dir = ""
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), "smpkit-dir-")), "server")
})
afterEach(() => rm(join(dir, ".."), { recursive: true }))

const clock = new FakeClock()
const random = seededRandom("directory")
const mode = async (name: string): Promise<number> => (await stat(join(dir, name))).mode & 0o777

describe("a server's directory", () => {
  test("is made once, private to its owner, with the identity key in a folder of its own", async () => {
    expect(await isInitialized(dir)).toBe(false)
    const made = await initServer({ dir, host: "smp.example.com", clock, random })
    expect(await isInitialized(dir)).toBe(true)
    for (const folder of ["", "ca"]) expect(await mode(folder)).toBe(0o700)
    for (const file of ["ca/ca.key", "ca/ca.crt", "server.key", "server.crt", "server.ini"])
      expect(await mode(file)).toBe(0o600)
    expect(made.configuration).toMatchObject({
      host: "smp.example.com",
      bind: "::",
      port: 5223,
      store: "disk",
    })
    const loaded = await loadServer(dir, { clock })
    expect(toHex(loaded.identity.keyHash)).toBe(toHex(made.identity.keyHash))
    verifyChain(loaded.identity.chain, { keyHash: loaded.identity.keyHash, now: clock.now() })
    await expect(initServer({ dir, host: "localhost", clock, random })).rejects.toMatchObject({
      code: "CONFIGURATION",
    })
  })

  test("warns while the identity key is readable, and when the certificate nears its end", async () => {
    const { warnings } = await initServer({ dir, host: "localhost", clock, random })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain("ca.key")
    await rename(join(dir, "ca"), join(dir, "..", "ca"))
    expect((await loadServer(dir, { clock })).warnings).toEqual([])
    const later = new FakeClock(clock.now() + 350 * 86_400_000)
    expect((await loadServer(dir, { clock: later })).warnings).toEqual([
      expect.stringContaining("expires in 14 days"),
    ])
    await renewCertificate({ dir, caDir: join(dir, "..", "ca"), clock: later, random })
    const renewed = await loadServer(dir, { clock: later })
    expect(renewed.warnings).toEqual([])
    verifyChain(renewed.identity.chain, { keyHash: renewed.identity.keyHash, now: later.now() })
  })

  test("gets no certificate of another server's identity, which would change its address", async () => {
    await initServer({ dir, host: "localhost", clock, random })
    const other = join(dir, "..", "other")
    await initServer({ dir: other, host: "localhost", clock, random })
    const before = await readFile(join(dir, "server.crt"), "utf8")
    await expect(renewCertificate({ dir, caDir: join(other, "ca"), clock, random })).rejects.toMatchObject({
      code: "IDENTITY",
      message: expect.stringContaining("another server") as string,
    })
    expect(await readFile(join(dir, "server.crt"), "utf8")).toBe(before)
  })

  test("keeps the port that was found at the first start, and the rest of the file", async () => {
    const made = await initServer({ dir, host: "localhost", port: 0, store: "memory", clock, random })
    const path = join(dir, "server.ini")
    await writeFile(path, (await readFile(path, "utf8")).replace("quota = 128", "; mine\nquota = 77"))
    const { port } = await (async () => {
      await using server = await startServer({ dir, ...made })
      return server
    })()
    const again = await loadServer(dir, { clock })
    expect(again.configuration).toMatchObject({ port, limits: { quota: 77 } })
    expect(await readFile(path, "utf8")).toContain("; mine\n")
  })

  test.each([
    ["a key of another server", "server.key"],
    ["a chain that is none", "server.crt"],
  ])("with %s is IDENTITY", async (_what, name) => {
    await initServer({ dir, host: "localhost", clock, random })
    const text = name === "server.key" ? await readFile(join(dir, "ca/ca.key"), "utf8") : "nothing"
    await writeFile(join(dir, name), text)
    await expect(loadServer(dir, { clock })).rejects.toMatchObject({ code: "IDENTITY" })
  })

  test("that holds no server says how to make one", async () => {
    await expect(loadServer(dir, { clock })).rejects.toThrow("smpkit server init --dir")
  })

  test.each(["", "a b", "host:", "x".repeat(256), "a/b"].filter((h) => h !== "host:"))(
    "refuses the host %j",
    async (host) => {
      await expect(initServer({ dir, host, clock, random })).rejects.toMatchObject({ code: "CONFIGURATION" })
    },
  )
})

describe("the configuration file", () => {
  test("is read as it is written", () => {
    const configuration = defaultConfiguration("smp.example.com")
    expect(parseConfiguration(formatConfiguration(configuration))).toEqual(configuration)
    const other = {
      ...configuration,
      port: 0,
      store: "memory" as const,
      creation: { enabled: false, password: "secret" },
      messageDays: 0,
      expireOnSend: true,
      unsecuredDays: 0,
      limits: { ...configuration.limits, storeBytes: 1_000_000, connectionsPerPrefix: undefined },
    }
    expect(parseConfiguration(formatConfiguration(other))).toEqual(other)
  })

  test("has defaults for what it does not name", () => {
    expect(parseConfiguration("")).toEqual(defaultConfiguration("localhost"))
  })

  test.each([
    ["[server]\nport = many", "line 2: port is a whole number"],
    ["[server]\nport = 70000", "70000 is not a port"],
    ["[server]\nstore = paper", "memory or disk"],
    ["[queues]\ncreate = yes", "line 2: create is on or off"],
    ["[server]\nhsot = a", "line 2: there is no setting server/hsot"],
    ["[server]\nhost = a\nhost = b", "line 3: set for the second time"],
    ["host", "line 1: neither a section nor a setting"],
    ["[server]\ncipher = AES", "there is no setting server/cipher"],
  ])("%j is refused with the line", (text, message) => {
    expect(() => parseConfiguration(text)).toThrow(ServerError)
    expect(() => parseConfiguration(text)).toThrow(message)
  })
})
