import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, test, vi } from "vitest"
import { startDirectory } from "../src/server-command.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

test("a server that does not start says nothing about its identity key", async () => {
  const said: string[] = []
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said.push(String(text))
    return true
  })
  const dir = await mkdtemp(join(tmpdir(), "smpkit-start-"))
  const taken = createServer()
  try {
    taken.listen(0, "127.0.0.1")
    await once(taken, "listening")
    const address = taken.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    await expect(startDirectory({ dir, port, quiet: false })).rejects.toMatchObject({ code: "PORT" })
    expect(said.join("")).toBe("")
    taken.close()
    await once(taken, "close")
    await using server = await startDirectory({ dir, port: 0, quiet: false })
    expect(said.join("")).toContain("identity key is readable")
    expect(server.port).toBeGreaterThan(0)
  } finally {
    taken.close()
    await rm(dir, { recursive: true })
  }
})
