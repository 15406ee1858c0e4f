import { createHash } from "node:crypto"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig, type Plugin } from "vite"
import solid from "vite-plugin-solid"

const here = new URL(".", import.meta.url)

/** `SHA256SUMS`, in the form that `sha256sum -c` reads: what a release consists of, to compare a page with (security.md Q27). */
function sums(): Plugin {
  let outDir = ""
  return {
    name: "sums",
    configResolved: (config) => {
      outDir = config.build.outDir
    },
    closeBundle: () => {
      const files = readdirSync(outDir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
      const lines = files.map((file) => {
        const hash = createHash("sha256").update(readFileSync(file)).digest("hex")
        return `${hash}  ${relative(outDir, file).replaceAll("\\", "/")}\n`
      })
      lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1))
      writeFileSync(join(outDir, "SHA256SUMS"), lines.join(""))
    },
  }
}

/**
 * The page as files that any server can serve from any path. The same sources give the same bytes.
 * Solid's compiler gets a renderer of our own, which makes elements one by one: its usual one fills templates through `innerHTML`,
 * which the page's policy forbids (security.md Q28).
 */
export default defineConfig({
  root: fileURLToPath(here),
  base: "./",
  plugins: [
    solid({
      hot: false,
      solid: {
        generate: "universal",
        moduleName: fileURLToPath(new URL("src/page/renderer.ts", here)),
        delegateEvents: false,
      },
    }),
    sums(),
  ],
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("../cli/page", here)),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: "licenses.md" },
  },
})
