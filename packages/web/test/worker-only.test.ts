import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const source = fileURLToPath(new URL("../src/", import.meta.url))

/** What a module loads, and what that loads: paths below `src` and names of packages. Types alone load nothing. */
function loadedBy(entry: string): { readonly modules: Set<string>; readonly packages: Set<string> } {
  const modules = new Set<string>()
  const packages = new Set<string>()
  const visit = (path: string): void => {
    if (modules.has(path)) return
    modules.add(path)
    if (!/\.tsx?$/.test(path)) return
    const text = readFileSync(join(source, path), "utf8")
    const statements =
      /^(?:import|export) (?!type\b)(?:[^"';]*? from )?"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gms
    for (const [, fixed, later] of text.matchAll(statements)) {
      const name = fixed ?? later ?? ""
      // `?worker&url` is the address of a script for another thread.
      if (name.includes("?")) continue
      if (name.startsWith(".")) visit(join(dirname(path), name))
      else packages.add(name)
    }
  }
  visit(entry)
  return { modules, packages }
}

describe("keys, passphrase and ratchet work stay in the worker (security.md Q5, Q28)", () => {
  it("what the page itself loads has neither agent nor cryptography", () => {
    const { modules, packages } = loadedBy("main.tsx")
    expect(modules.size).toBeGreaterThan(20)
    expect([...modules].filter((path) => path.startsWith("worker/"))).toEqual([])
    expect([...packages].filter((name) => name.startsWith("@smpkit/"))).toEqual([])
  })

  it("the same look finds them in the worker", () => {
    const { modules, packages } = loadedBy("agent-worker.ts")
    expect([...modules]).toContain("worker/browser-profile.ts")
    expect([...packages]).toContain("@smpkit/agent/browser")
  })

  it("no call or event of the worker has a member for a key; the passphrase goes in only", () => {
    const protocol = readFileSync(join(source, "protocol.ts"), "utf8")
    const secrets = [...protocol.matchAll(/readonly (\w*(?:key|secret|passphrase|seed)\w*)\??:/gi)]
    const names = secrets.map(([, name]) => name)
    expect(new Set(names)).toEqual(new Set(["passphrase", "renewKeys"]))
    const asParameters = protocol.match(/params: Place & \{[^}]*readonly passphrase: string\b/g) ?? []
    expect(asParameters.length).toBe(names.filter((name) => name === "passphrase").length)
    expect(protocol).toMatch(/renewKeys: \{ readonly params: \{[^}]*\}; readonly result: object \}/)
  })
})
