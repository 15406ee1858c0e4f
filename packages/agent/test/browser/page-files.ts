import { join } from "node:path"
import { type Bytes, utf8 } from "@smpkit/codec"
import { build, type Rolldown } from "vite"

/** A page that runs `scripts[0]`, with that script and the others from `page/`: built on `dist`, as a browser gets it. */
export async function pageFiles(...scripts: readonly string[]): Promise<Map<string, Bytes>> {
  const files = new Map<string, Bytes>()
  for (const name of scripts) {
    const { output } = (await build({
      configFile: false,
      root: join(import.meta.dirname, "page"),
      logLevel: "silent",
      build: {
        write: false,
        target: "es2022",
        modulePreload: false,
        rolldownOptions: {
          input: join(import.meta.dirname, "page", `${name}.ts`),
          output: { entryFileNames: `${name}.js`, codeSplitting: false },
        },
      },
    })) as Rolldown.RolldownOutput
    for (const part of output) if (part.type === "chunk") files.set(part.fileName, utf8(part.code))
  }
  const head = '<title>test</title><link rel="icon" href="./icon.svg">'
  files.set("icon.svg", utf8('<svg xmlns="http://www.w3.org/2000/svg"/>'))
  files.set(
    "index.html",
    utf8(`<!doctype html>${head}<script type="module" src="./${scripts[0] ?? ""}.js"></script>`),
  )
  return files
}
