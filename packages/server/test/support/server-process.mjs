// A server in a process of its own, for tests that kill it: `node server-process.mjs DIR [early]`. Says `listening PORT` when it is ready.
// `early` plants the mistake of answering when a transaction has run instead of when it is on disk.
import { join } from "node:path"
import { initServer, isInitialized, loadServer, openDiskStore, startServer } from "../../dist/index.js"

const [, , dir = "", planted = ""] = process.argv
const loaded = (await isInitialized(dir))
  ? await loadServer(dir)
  : await initServer({ dir, host: "127.0.0.1", bind: "127.0.0.1", port: 0 })
const early = (database, f) =>
  new Promise((resolve, reject) => {
    database.transaction(() => resolve(f())).catch(reject)
  })
try {
  const server = await startServer({
    dir,
    ...loaded,
    ...(planted === "early" ? { store: openDiskStore(join(dir, "store"), early) } : {}),
  })
  process.once("SIGTERM", () => {
    void server.close().then(() => {
      process.exit(0)
    })
  })
  process.stdout.write(`listening ${server.port}\n`)
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
