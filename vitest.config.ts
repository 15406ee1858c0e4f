import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { playwright } from "@vitest/browser-playwright"
import { defineConfig } from "vitest/config"

interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

const packages = new URL("packages/", import.meta.url)

/** Every entry that a package exports, led from `dist/FILE.js` to `src/FILE.ts`. */
function sourceAliases(platform: "node" | "browser"): { find: RegExp; replacement: string }[] {
  return readdirSync(packages).flatMap((directory) => {
    const root = new URL(`${directory}/`, packages)
    const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as Manifest
    return Object.entries(manifest.exports ?? {}).flatMap(([entry, target]) => {
      const file = typeof target === "string" ? target : (target[platform] ?? target["default"] ?? "")
      const source = /^\.\/dist\/(.*)\.js$/.exec(file)?.[1]
      if (source === undefined) return []
      const name = `${manifest.name}${entry.slice(1)}`
      return [
        { find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(`src/${source}.ts`, root)) },
      ]
    })
  })
}

const backend = (file: string) => ({
  find: "#backend",
  replacement: fileURLToPath(new URL(`crypto/src/${file}.ts`, packages)),
})

const inChromium = "packages/*/test/**/*.browser.test.ts"

// CHROMIUM names another one. Without any, the tests in a browser are left out, and the run says so.
const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium"
const withChromium = existsSync(chromium)
if (!withChromium)
  process.stderr.write(
    `SKIPPED: the tests that run in a browser, ${inChromium}: there is no Chromium at ${chromium}. ` +
      "Install one, or set CHROMIUM to the path of one.\n",
  )

// Tests run on the sources, so that one failing line is found without a build; processes that a test starts run on `dist`.
// Long runs (properties, simulations) look at SLOW=1 by themselves.
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        resolve: { alias: [backend("node-backend"), ...sourceAliases("node")] },
        test: {
          name: "node",
          include: ["packages/*/test/**/*.test.ts", "interop/**/*.test.ts", "examples/test/*.test.ts"],
          exclude: [inChromium],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      ...(withChromium
        ? [
            {
              resolve: { alias: [backend("browser-backend"), ...sourceAliases("browser")] },
              test: {
                name: "browser",
                include: [inChromium],
                // A page cannot listen.
                globalSetup: ["packages/transport/test/browser/carrier-server.ts"],
                testTimeout: 60_000,
                hookTimeout: 60_000,
                browser: {
                  enabled: true,
                  headless: true,
                  screenshotFailures: false,
                  // A container's root may not use Chromium's own sandbox.
                  provider: playwright({
                    launchOptions: { executablePath: chromium, args: ["--no-sandbox"] },
                  }),
                  instances: [{ browser: "chromium" as const }],
                },
              },
            },
          ]
        : []),
    ],
  },
})
