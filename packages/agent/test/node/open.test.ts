import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "vitest"

const child = fileURLToPath(new URL("open-child.mjs", import.meta.url))
const nobody = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@127.0.0.1:1"

// Where the last socket is gone and a retry waits, nothing but the agent itself can keep a program running.
test("an open agent keeps its program running without any server, and a closed one lets it end", async () => {
  const dir = await mkdtemp(join(tmpdir(), "smpkit-open-"))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [child, join(dir, "agent"), nobody])
    expect(stdout).toBe("open\nalive\nclosed\n")
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
