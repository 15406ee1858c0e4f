import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, string | { readonly default?: string }>>
}

const packages = new URL("packages/", import.meta.url)

/** Every entry that a package exports, led from `dist/FILE.js` to `src/FILE.ts`. */
function sourceAliases(): { find: RegExp; replacement: string }[] {
  return readdirSync(packages).flatMap((directory) => {
    const root = new URL(`${directory}/`, packages)
    const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as Manifest
    return Object.entries(manifest.exports ?? {}).flatMap(([entry, target]) => {
      const file = typeof target === "string" ? target : (target.default ?? "")
      const source = /^\.\/dist\/(.*)\.js$/.exec(file)?.[1]
      if (source === undefined) return []
      const name = `${manifest.name}${entry.slice(1)}`
      return [
        { find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(`src/${source}.ts`, root)) },
      ]
    })
  })
}

// Tests run on the sources, so that one failing line is found without a build; processes that a test starts run on `dist`.
// Long runs (properties, simulations) look at SLOW=1 by themselves.
export default defineConfig({
  resolve: {
    alias: [
      { find: "#backend", replacement: fileURLToPath(new URL("crypto/src/node-backend.ts", packages)) },
      ...sourceAliases(),
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "interop/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
})
