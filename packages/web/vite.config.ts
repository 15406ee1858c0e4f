import { fileURLToPath } from "node:url"
import { defineConfig } from "vite"
import solid from "vite-plugin-solid"

const here = new URL(".", import.meta.url)

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
