import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (path: string): string => fileURLToPath(new URL(`packages/${path}`, import.meta.url))

// Tests run on the sources, so that one failing line is found without a build; processes that a test starts run on `dist`.
export default defineConfig({
  resolve: {
    alias: [
      { find: "#backend", replacement: source("crypto/src/node-backend.ts") },
      { find: /^@smpkit\/transport\/(\w+)$/, replacement: source("transport/src/$1/index.ts") },
      { find: /^@smpkit\/(\w+)$/, replacement: source("$1/src/index.ts") },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "interop/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
