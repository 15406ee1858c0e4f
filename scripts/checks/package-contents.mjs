import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { packages, root, run, tool } from "../workspace.mjs"

/** Each published package, as npm would pack it: publint's strict rules, and types that resolve as ESM. */
export async function packageContents() {
  const problems = []
  const directory = mkdtempSync(join(tmpdir(), "smpkit-pack-"))
  try {
    for (const { directory: path, manifest } of packages) {
      if (manifest.private === true) continue
      const packed = await run(
        "npm",
        ["pack", "--json", "--ignore-scripts", "--pack-destination", directory],
        {
          cwd: `${root}${path}`,
        },
      )
      if (packed.code !== 0) {
        problems.push(`${path}: npm pack failed\n${packed.output}`)
        continue
      }
      const tarball = join(
        directory,
        `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`,
      )
      // What no type tells: the built page goes with the command.
      if (manifest.name === "smpkit" && !packed.output.includes('"page/index.html"'))
        problems.push(`${path}: the page is missing: npm run build`)
      const found = [
        ...(await tool("publint", "run", tarball, "--strict")),
        ...(await tool("attw", tarball, "--profile", "esm-only", "--no-emoji", "--format", "ascii")),
      ]
      problems.push(...found.map((problem) => `${path}:\n${problem}`))
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return problems
}
