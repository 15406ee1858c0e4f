import { gzipSync } from "node:zlib"
import { build, type Rolldown } from "vite"
import { expect, test } from "vitest"

const entry = "virtual:entry"

/** What a page gets that uses `source`: built from `dist`, under the conditions of a browser. */
async function bundle(source: string): Promise<{ code: string; modules: string[]; imports: string[] }> {
  const result = (await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: "silent",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: { input: entry, preserveEntrySignatures: "strict" },
    },
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? source : undefined),
      },
    ],
  })) as Rolldown.RolldownOutput
  const chunks = result.output.filter((part) => part.type === "chunk")
  return {
    code: chunks.map(({ code }) => code).join("\n"),
    modules: chunks.flatMap(({ moduleIds }) => moduleIds),
    imports: chunks
      .flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports])
      .filter((id) => chunks.every(({ fileName }) => fileName !== id)),
  }
}

const nodeOnly = /node:|browser-external|node-backend|sodium|\/lmdb|\/ws\/|\/tls\/|\/tcp\/|directory-lock/

test("the browser's entry reaches nothing of Node, and is small", { timeout: 120_000 }, async () => {
  const { code, modules, imports } = await bundle('export { openAgent } from "@smpkit/agent/browser"')
  expect(imports).toEqual([])
  expect(modules.filter((id) => nodeOnly.test(id))).toEqual([])
  for (const part of [
    "agent/dist/store/indexed-db.js",
    "crypto/dist/browser-backend.js",
    "idb/build/index.js",
  ])
    expect(modules.some((id) => id.endsWith(part))).toBe(true)
  expect(code).not.toMatch(/["']node:/)
  const bytes = gzipSync(code).length
  process.stdout.write(`the browser's agent: ${code.length} bytes, ${bytes} with gzip\n`)
  expect(bytes).toBeLessThan(150_000)
})

test("the same look finds Node in Node's entry", { timeout: 120_000 }, async () => {
  const { modules } = await bundle('export { openAgent } from "@smpkit/agent/node"')
  expect(modules.filter((id) => nodeOnly.test(id)).length).toBeGreaterThan(0)
})
