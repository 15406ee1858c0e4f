import { utf8 } from "@smpkit/codec"
import { expect, test } from "vitest"
import { deleteProfile, importProfile, listProfiles, openProfile } from "../../src/browser/index.ts"
import { indexedDbRawStore } from "../../src/store/indexed-db.ts"
import { textOf } from "./helpers.ts"

const server = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@127.0.0.1:1"
// Other test files have profiles in the same browser.
const [first, second] = ["import-first", "import-second"]
const common = { passphrase: "correct horse", endpoint: "ws://127.0.0.1:1/smp" }

test("a profile becomes a file and another profile, with what the application keeps beside the agent", async () => {
  const { agent, store } = await openProfile({ ...common, name: first, servers: [server] })
  await store.update((tx) => {
    tx.put("history", "1", utf8("hello"))
  })
  const pieces: Uint8Array<ArrayBuffer>[] = []
  for await (const piece of agent.exportStore()) pieces.push(piece)
  await agent.close()
  const file = new File(pieces, "copy.smpkit")

  const wrong = importProfile({ name: second, source: chunksOf(file), passphrase: "wrong" })
  await expect(wrong).rejects.toMatchObject({ code: "WRONG_PASSPHRASE" })
  expect(await listProfiles()).not.toContain(second)
  await importProfile({ name: second, source: chunksOf(file), passphrase: common.passphrase })
  const again = importProfile({ name: second, source: chunksOf(file), passphrase: common.passphrase })
  await expect(again).rejects.toMatchObject({ code: "NOT_EMPTY" })
  expect(await listProfiles()).toContain(second)

  expect(await listProfiles()).toEqual(expect.arrayContaining([first, second]))
  const copy = await openProfile({ ...common, name: second })
  expect(await copy.agent.getServers()).toEqual({ servers: [server] })
  expect(textOf(copy.store, "history", "1")).toBe("hello")
  await copy.agent.close()
  for (const name of [first, second]) await deleteProfile(name)
  const left = await listProfiles()
  for (const name of [first, second]) expect(left).not.toContain(name)
}, 60_000)

test("what an import leaves that was cut off is no profile, and another one may follow", async () => {
  const name = "import-cut-off"
  const { agent } = await openProfile({ ...common, name: "import-source", servers: [server] })
  const pieces: Uint8Array<ArrayBuffer>[] = []
  for await (const piece of agent.exportStore()) pieces.push(piece)
  await agent.close()
  // The database is made before the file is read, and its content comes in one commit at the end.
  await (await indexedDbRawStore(name))[Symbol.asyncDispose]()
  expect(await listProfiles()).not.toContain(name)
  const file = new File(pieces, "copy.smpkit")
  await importProfile({ name, source: chunksOf(file), passphrase: common.passphrase })
  expect(await listProfiles()).toContain(name)
  for (const each of [name, "import-source"]) await deleteProfile(each)
}, 60_000)

/** As every browser can. */
async function* chunksOf(file: File): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader()
  for (;;) {
    const { value } = await reader.read()
    if (value === undefined) return
    yield value
  }
}
