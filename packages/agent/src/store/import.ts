import { argon2id, type Argon2Parameters, type Random } from "@smpkit/crypto"
import { StoreError } from "./errors.ts"
import type { ExportedFile } from "./export-format.ts"
import { type DeriveKey, passphraseBytes } from "./key-ring.ts"
import { openExport } from "./open-export.ts"
import type { RawStore } from "./raw-store.ts"
import { Tables } from "./tables.ts"
import { Vault } from "./vault.ts"

export interface ImportOptions {
  /** Of the store that was exported; the new one has the same. */
  readonly passphrase: string
  readonly random: Random
  readonly allowEmptyPassphrase?: boolean
  /** For the new store; by default the floor: 64 MiB, 3 passes. */
  readonly argon2?: Argon2Parameters
}

/**
 * Makes a store of what `SealedStore.export` gave, in a raw store without content, which is closed in the end. All of it is there or none: the file is checked as a
 * whole before the one commit. The new store starts send-locked: each connection re-synchronises before it sends (security.md Q2).
 * Resolves with the files that lay beside the store. Throws `StoreError` `NOT_EMPTY`, `EXPORT_DAMAGED`, `STORE_FORMAT`, `WRONG_PASSPHRASE`, `EMPTY_PASSPHRASE`,
 * `STORE_FAILED`.
 */
export function importStore(
  raw: RawStore,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<{ readonly files: readonly ExportedFile[] }> {
  return importStoreWith(raw, source, options, argon2id)
}

/** `importStore` with another key derivation: for tests. */
export async function importStoreWith(
  raw: RawStore,
  source: AsyncIterable<Uint8Array>,
  { passphrase, random, allowEmptyPassphrase = false, argon2 }: ImportOptions,
  deriveKey: DeriveKey,
): Promise<{ readonly files: readonly ExportedFile[] }> {
  try {
    for (const _ of raw.scan(new Uint8Array()))
      throw new StoreError("NOT_EMPTY", "there is an agent already: import into a new place")
    const secret = passphraseBytes(passphrase, allowEmptyPassphrase)
    const tables = new Tables()
    const files: ExportedFile[] = []
    let generation = 0
    for await (const unit of openExport(source, { passphrase: secret, deriveKey })) {
      if (unit.type === "file") files.push({ name: unit.name, content: unit.content })
      else tables.set(unit.table, unit.key, { value: unit.value, generation: ++generation })
    }
    const options = { passphrase: secret, random, deriveKey, ...(argon2 === undefined ? {} : { argon2 }) }
    await Vault.fill(raw, tables, options)
    return { files }
  } finally {
    await raw[Symbol.asyncDispose]()
  }
}
