// A worker or a page that opens the profile which it is named after, says so on a channel of that name, and holds it.
// With a name that begins with "writer" it writes numbered records until it ends, and says each number once its update has resolved.
import { utf8 } from "@smpkit/codec"
import { type RawStore, type SealedStore, StoreError } from "../../src/store/index.ts"
import { indexedDbRawStore } from "../../src/store/indexed-db.ts"
import { openStore } from "./helpers.ts"

const profile = self.name
const channel = new BroadcastChannel(profile)

async function write(store: SealedStore): Promise<never> {
  for (let i = [...store.list("numbers")].length; ; i++) {
    await store.update((tx) => {
      // Two records that must stay equal, and one that is new each time.
      tx.put("pair", "a", utf8(String(i)))
      tx.put("pair", "b", utf8(String(i).repeat(2000)))
      tx.put("numbers", String(i).padStart(8, "0"), utf8(`record ${i}`))
    })
    channel.postMessage(String(i))
    if (i % 5 === 0) await store.compact()
  }
}

let held: RawStore | undefined
try {
  held = await indexedDbRawStore(profile)
  channel.postMessage("open")
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (data === "close") void held?.[Symbol.asyncDispose]()
  }
  if (profile.startsWith("writer")) await write(await openStore(held))
} catch (error) {
  channel.postMessage(error instanceof StoreError ? error.code : String(error))
}
