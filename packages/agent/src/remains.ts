import type { SealedStore, StoreTx } from "./store/index.ts"

// What was deleted lies on in the store's files, sealed, until they are written anew under another key (security.md Q14). That takes seconds where there are thousands
// of connections, and nothing else is stored meanwhile, so it is done where nobody waits for the agent: at its end, or after a crash at its start.
const [table, key] = ["remains", "remains"] as const

/** Belongs to the transaction that deletes a connection. */
export function leaveRemains(tx: StoreTx): void {
  tx.put(table, key, Uint8Array.of(1))
}

/** Writes the store anew if something was deleted since that was last done. */
export async function eraseRemains(store: SealedStore): Promise<void> {
  if (store.get(table, key) === undefined) return
  try {
    await store.compact()
    await store.update((tx) => {
      tx.delete(table, key)
    })
  } catch {
    // The disk may be full. The record stays, so that it is done next time; a store that takes nothing any more is told by the next change.
  }
}
