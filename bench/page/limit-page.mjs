import { once } from "node:events"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { build } from "vite"

const root = fileURLToPath(new URL("../..", import.meta.url))
const source = `
import { argon2Floor, argon2id } from "@smpkit/crypto"
const began = performance.now()
argon2id(new TextEncoder().encode("correct horse battery staple"), new Uint8Array(16), argon2Floor)
postMessage(performance.now() - began)
`

/** A page with nothing on it, whose worker derives a key as the store does: what no page with a passphrase can be quicker than. */
export async function startLimitPage() {
  const worker = await builtWorker()
  const server = createServer((request, response) => {
    const isWorker = request.url === "/worker.js"
    response.setHeader("Content-Type", isWorker ? "text/javascript" : "text/html")
    response.end(isWorker ? worker : "<!doctype html><title>empty</title>")
  })
  server.listen({ host: "127.0.0.1", port: 0 })
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function builtWorker() {
  const entry = "virtual:worker"
  const { output } = await build({
    configFile: false,
    root,
    logLevel: "silent",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: { input: entry, output: { codeSplitting: false } },
    },
    plugins: [
      {
        name: "worker",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? source : undefined),
      },
    ],
  })
  return output[0].code
}
