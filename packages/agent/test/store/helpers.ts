import { type Bytes, decodeUtf8, utf8 } from "@smpkit/codec"
import { sha256, systemRandom } from "@smpkit/crypto"
import {
  memoryRawStore,
  type RawStore,
  type SealedStore,
  type SealedStoreOptions,
} from "../../src/store/index.ts"
import type { DeriveKey } from "../../src/store/key-ring.ts"
import { openSealedStore } from "../../src/store/sealed.ts"
import type { RawStorePlace } from "../suites/raw-store.ts"

/** Argon2id costs a fifth of a second; one test covers it, the others derive at once. */
const quickKey = (passphrase: Bytes, salt: Bytes): Bytes => sha256(passphrase, salt)

export function openStore(
  raw: RawStore,
  { deriveKey = quickKey, ...options }: Partial<SealedStoreOptions> & { readonly deriveKey?: DeriveKey } = {},
): Promise<SealedStore> {
  return openSealedStore(raw, { passphrase: "a passphrase", random: systemRandom, ...options }, deriveKey)
}

export function put(store: SealedStore, table: string, key: string, value: string): Promise<void> {
  return store.update((tx) => {
    tx.put(table, key, utf8(value))
  })
}

export function textOf(store: Pick<SealedStore, "get">, table: string, key: string): string | undefined {
  const value = store.get(table, key)
  return value === undefined ? undefined : decodeUtf8(value)
}

export function memoryPlace(): RawStorePlace {
  const raw = memoryRawStore()
  return { open: () => Promise.resolve(raw) }
}
