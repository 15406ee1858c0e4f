import type { Bytes } from "@smpkit/codec"
import { argon2id, type Argon2Parameters, type Random } from "@smpkit/crypto"
import { StoreError } from "./errors.ts"
import { type ExportedFile, type ExportedRecord, sealExport } from "./export-format.ts"
import { type DeriveKey, type KeyRing, passphraseBytes } from "./key-ring.ts"
import type { RawStore } from "./raw-store.ts"
import { State, type StoreTx, type StoreView, Transaction } from "./transaction.ts"
import { Vault } from "./vault.ts"

export interface SealedStoreOptions {
  readonly passphrase: string
  readonly random: Random
  /** For a new store; by default the floor: 64 MiB, 3 passes. */
  readonly argon2?: Argon2Parameters
  /** An empty passphrase protects nothing, so it must be meant. */
  readonly allowEmptyPassphrase?: boolean
  /** How often a data key may seal before it is replaced; a random nonce must not repeat among so many. */
  readonly sealsPerKey?: number
}

/** What else goes into an export. */
export interface ExportOptions {
  /** Small files beside the store, which an import gives back as they were. */
  readonly files?: readonly ExportedFile[]
}

interface Snapshot {
  readonly ring: KeyRing
  readonly records: readonly ExportedRecord[]
}

interface Waiting {
  readonly transaction: Transaction
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

let openWith: (raw: RawStore, options: SealedStoreOptions, deriveKey: DeriveKey) => Promise<SealedStore>

/** `SealedStore.open` with another key derivation: for tests, which open many stores and are not about Argon2id. */
export function openSealedStore(
  raw: RawStore,
  options: SealedStoreOptions,
  deriveKey: DeriveKey,
): Promise<SealedStore> {
  return openWith(raw, options, deriveKey)
}

/**
 * The agent's store: records by table and key, sealed on disk, decrypted in memory (security.md, Q2 and Q12 to Q14).
 * Reads are synchronous and show every update that was accepted, also one that is not on disk yet: nothing leaves the process before the `update` that it follows from has resolved.
 */
export class SealedStore implements StoreView, AsyncDisposable {
  readonly #vault: Vault
  readonly #state: State
  readonly #sealsPerKey: number
  #waiting: Waiting[] = []
  #compactions: Omit<Waiting, "transaction">[] = []
  readonly #snapshots: ((snapshot: Snapshot) => void)[] = []
  #work: Promise<void> | undefined
  #updating = false
  #closing: Promise<void> | undefined

  private constructor(vault: Vault, state: State, sealsPerKey: number) {
    this.#vault = vault
    this.#state = state
    this.#sealsPerKey = sealsPerKey
  }

  /**
   * Opens a store, or makes one in an empty `raw`, which it takes over: closed with it, and when opening fails. Reads and checks all of it.
   * Throws `StoreError` `WRONG_PASSPHRASE`, `EMPTY_PASSPHRASE`, `STORE_TAMPERED`, `STORE_FORMAT`, `STORE_FAILED`.
   */
  static open(raw: RawStore, options: SealedStoreOptions): Promise<SealedStore> {
    return SealedStore.#open(raw, options, argon2id)
  }

  static {
    openWith = (raw, options, deriveKey) => SealedStore.#open(raw, options, deriveKey)
  }

  static async #open(raw: RawStore, options: SealedStoreOptions, deriveKey: DeriveKey): Promise<SealedStore> {
    const { passphrase, allowEmptyPassphrase = false, sealsPerKey = 2 ** 28 } = options
    try {
      const { vault, tables } = await Vault.open(raw, {
        ...options,
        deriveKey,
        passphrase: passphraseBytes(passphrase, allowEmptyPassphrase),
      })
      return new SealedStore(
        vault,
        new State(tables, vault.root.generation, vault.root.restored),
        sealsPerKey,
      )
    } catch (error) {
      await raw[Symbol.asyncDispose]()
      throw error
    }
  }

  get(table: string, key: string): Bytes | undefined {
    return this.#use().get(table, key)
  }

  generation(table: string, key: string): number {
    return this.#use().generation(table, key)
  }

  list(table: string, scope?: string): Iterable<{ readonly key: string; readonly value: Bytes }> {
    return this.#use().list(table, scope)
  }

  get wasRestored(): boolean {
    return this.#use().wasRestored
  }

  /**
   * Runs `f` at once; resolves when its changes are on disk, all or none of them. Updates take effect in the order of their calls, and those of one tick share a commit.
   * When `f` throws, so does this, and nothing has changed. When the disk refuses, this update and all that came after it are taken back: `STORE_FAILED`, or `STORE_CONFLICT` where another process wrote.
   */
  async update(f: (tx: StoreTx) => void): Promise<void> {
    const transaction = this.#run(f)
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ transaction, resolve, reject })
      this.#start()
    })
  }

  /** Seals all records under a new data key and new names, so that what was deleted cannot be read with the current one. */
  async compact(): Promise<void> {
    this.#use()
    await new Promise<void>((resolve, reject) => {
      this.#compactions.push({ resolve, reject })
      this.#start()
    })
  }

  /**
   * The whole store as one file, which the passphrase of the store opens again with `importStore`: what is on disk at one moment, in pieces of
   * 64 KiB. The store may be used meanwhile. Its keys, and what it holds, are in no other form in it (docs/decisions/009-moving-a-store.md).
   */
  async *export({ files = [] }: ExportOptions = {}): AsyncGenerator<Bytes, void, undefined> {
    this.#use()
    const { ring, records } = await this.#snapshot()
    try {
      yield* sealExport(ring, { records, files })
    } finally {
      ring[Symbol.dispose]()
    }
  }

  /** Of what is on disk after the next commit. */
  #snapshot(): Promise<Snapshot> {
    return new Promise((resolve) => {
      this.#snapshots.push(resolve)
      this.#start()
    })
  }

  /** The values of entries never change in place. */
  #records(): readonly ExportedRecord[] {
    return Array.from(this.#state.tables.all(), ([table, key, { value }]) => ({ table, key, value }))
  }

  /** Marks a store that came back from a copy: it starts send-locked until `StoreTx.setRestored(false)` (security.md, Q2). */
  async markRestored(): Promise<void> {
    await this.update((tx) => {
      tx.setRestored(true)
    })
  }

  /** Waits for what was accepted, wipes the keys and closes the raw store. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #use(): State {
    if (this.#closing !== undefined) throw new StoreError("STORE_CLOSED", "the store is closed")
    return this.#state
  }

  #run(f: (tx: StoreTx) => void): Transaction {
    const transaction = new Transaction(this.#use())
    if (this.#updating) throw new TypeError("an update within an update")
    this.#updating = true
    try {
      const run: (tx: StoreTx) => unknown = f
      if (run(transaction) instanceof Promise) throw new TypeError("an update must not wait for anything")
      return transaction
    } catch (error) {
      transaction.undo()
      throw error
    } finally {
      transaction.end()
      this.#updating = false
    }
  }

  #start(): void {
    this.#work ??= this.#drain()
  }

  async #drain(): Promise<void> {
    // Updates of the same tick join.
    await Promise.resolve()
    while (this.#waiting.length + this.#compactions.length + this.#snapshots.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      const snapshots = this.#snapshots.splice(0)
      // Memory is now what the disk is after this commit: later there may be more in it, again and again.
      const records = snapshots.length > 0 ? this.#records() : []
      if (await this.#commit(batch))
        for (const resolve of snapshots) resolve({ ring: this.#vault.keysForCopy(), records })
      else this.#snapshots.push(...snapshots)
      // A renewal takes what is in memory for what is on disk, so it waits for a moment at which that is so.
      if (this.#waiting.length > 0) continue
      const compactions = this.#compactions
      this.#compactions = []
      if (compactions.length > 0 || this.#vault.root.seals > this.#sealsPerKey) await this.#renew(compactions)
    }
    this.#work = undefined
  }

  /** Whether the disk has all of the batch. */
  async #commit(batch: readonly Waiting[]): Promise<boolean> {
    if (batch.length === 0) return true
    const { tables, generations, wasRestored } = this.#state
    const touched = batch.flatMap(({ transaction }) => transaction.touched)
    try {
      await this.#vault.write(touched, tables, { generation: generations, restored: wasRestored })
    } catch (error) {
      const failed = [...batch, ...this.#waiting]
      this.#waiting = []
      for (const { transaction } of failed.toReversed()) transaction.undo()
      for (const { reject } of failed) reject(error)
      return false
    }
    for (const { resolve } of batch) resolve()
    return true
  }

  async #renew(compactions: readonly Omit<Waiting, "transaction">[]): Promise<void> {
    try {
      await this.#vault.renew(this.#state.tables)
    } catch (error) {
      for (const { reject } of compactions) reject(error)
      return
    }
    for (const { resolve } of compactions) resolve()
  }

  async #close(): Promise<void> {
    await this.#work
    await this.#vault[Symbol.asyncDispose]()
  }
}
