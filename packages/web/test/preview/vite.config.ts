import { fileURLToPath } from "node:url"
import { defineConfig, mergeConfig } from "vite"
import page from "../../vite.config.ts"

/** The page over an agent that is none, to be looked at: `npx vite build -c packages/web/test/preview/vite.config.ts`. */
export default mergeConfig(
  page,
  defineConfig({
    resolve: {
      alias: [
        {
          find: /^.*\/worker-port\.ts$/,
          replacement: fileURLToPath(new URL("preview-port.ts", import.meta.url)),
        },
      ],
    },
    build: { outDir: fileURLToPath(new URL("../../dist/preview", import.meta.url)) },
  }),
)
