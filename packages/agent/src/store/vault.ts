import { type Bytes, concatBytes, utf8, WireError } from "@smpkit/codec"
import { argon2Floor, type Argon2Parameters, CryptoError, equalBytes, type Random } from "@smpkit/crypto"
import { StoreError } from "./errors.ts"
import { type DeriveKey, KeyRing } from "./key-ring.ts"
import { type Change, type RawStore, sameBytes, startsWith } from "./raw-store.ts"
import { openRecord, recordName, sealRecord } from "./record.ts"
import { emptyRoot, openRoot, type Root, sealRoot, toggled } from "./root.ts"
import { type Entry, Tables } from "./tables.ts"
import type { Touched } from "./transaction.ts"

const headerKey = utf8("h")
const rootKey = utf8("r")
const recordPrefix = utf8("d")

export interface VaultOptions {
  readonly passphrase: Bytes
  readonly random: Random
  readonly argon2?: Argon2Parameters
  readonly deriveKey: DeriveKey
}

/** What is on disk: header, sealed root and sealed records, and what must be known to carry the root on. One commit at a time. */
export class Vault implements AsyncDisposable {
  readonly #raw: RawStore
  readonly #random: Random
  #ring: KeyRing
  #root: Root
  #storedRoot: Bytes | undefined
  /** The MAC of each record on disk, by table and key. */
  #macs: Map<string, Bytes>

  private constructor(raw: RawStore, random: Random, ring: KeyRing, root: Root, macs: Map<string, Bytes>) {
    this.#raw = raw
    this.#random = random
    this.#ring = ring
    this.#root = root
    this.#storedRoot = raw.get(rootKey)
    this.#macs = macs
  }

  get root(): Root {
    return this.#root
  }

  /** Reads and checks everything; an empty store gets a header and a root. */
  static async open(raw: RawStore, options: VaultOptions): Promise<{ vault: Vault; tables: Tables }> {
    const { passphrase, random, argon2 = argon2Floor, deriveKey } = options
    const header = raw.get(headerKey)
    if (header === undefined) {
      for (const _ of raw.scan(new Uint8Array())) throw tampered()
      const ring = await KeyRing.create(passphrase, argon2, random, deriveKey)
      const vault = new Vault(raw, random, ring, emptyRoot, new Map())
      await vault.#commit([{ type: "put", key: headerKey, value: ring.stored }], ring, emptyRoot)
      return { vault, tables: new Tables() }
    }
    const ring = await KeyRing.open(header, passphrase, deriveKey)
    try {
      const { root, tables, macs } = load(raw, ring)
      return { vault: new Vault(raw, random, ring, root, macs), tables }
    } catch (error) {
      ring[Symbol.dispose]()
      if (error instanceof CryptoError || error instanceof WireError) throw tampered(error)
      throw error
    }
  }

  /** Seals all of `tables` in a raw store without content, as one that came back from a copy, in one commit. */
  static async fill(raw: RawStore, tables: Tables, options: VaultOptions): Promise<void> {
    const { passphrase, random, argon2 = argon2Floor, deriveKey } = options
    using ring = await KeyRing.create(passphrase, argon2, random, deriveKey)
    const { changes, macs, digest, generation } = sealAll(ring, tables, random)
    const vault = new Vault(raw, random, ring, emptyRoot, macs)
    const root: Root = {
      ...emptyRoot,
      generation,
      digest,
      records: macs.size,
      seals: 2 * macs.size,
      restored: true,
    }
    await vault.#commit([{ type: "put", key: headerKey, value: ring.stored }, ...changes], ring, root)
  }

  /** Keys for a copy of the store that the same passphrase opens. */
  keysForCopy(): KeyRing {
    return this.#ring.renewed(this.#random)
  }

  /** Seals the touched records as `tables` has them, and the root, in one commit. */
  async write(
    touched: Iterable<Touched>,
    tables: Tables,
    next: Pick<Root, "generation" | "restored">,
  ): Promise<void> {
    const records = new Map<string, readonly [Touched, Entry | undefined]>()
    for (const t of touched) records.set(id(t.table, t.key), [t, tables.get(t.table, t.key)])
    const changes: Change[] = []
    const macs = new Map<string, Bytes | undefined>()
    let { digest, records: count, seals } = this.#root
    for (const [recordId, [{ table, key }, entry]] of records) {
      const before = this.#macs.get(recordId)
      if (before !== undefined) {
        digest = toggled(digest, before)
        count--
      }
      if (entry === undefined) {
        changes.push({ type: "delete", key: stored(recordName(this.#ring, table, key)) })
        macs.set(recordId, undefined)
      } else {
        const { generation, value } = entry
        const sealed = sealRecord(this.#ring, { table, key, generation }, value, this.#random)
        changes.push({ type: "put", key: stored(sealed.name), value: sealed.sealed })
        macs.set(recordId, sealed.mac)
        digest = toggled(digest, sealed.mac)
        count++
        seals += 2
      }
    }
    await this.#commit(changes, this.#ring, { ...this.#root, ...next, digest, records: count, seals })
    for (const [recordId, mac] of macs) {
      if (mac === undefined) this.#macs.delete(recordId)
      else this.#macs.set(recordId, mac)
    }
  }

  /** Seals all records under a new data key and new names, in one commit. `tables` must be what is on disk. */
  async renew(tables: Tables): Promise<void> {
    const ring = this.#ring.renewed(this.#random)
    const changes: Change[] = [{ type: "put", key: headerKey, value: ring.stored }]
    for (const { key } of this.#raw.scan(recordPrefix)) changes.push({ type: "delete", key })
    const { changes: sealed, macs, digest } = sealAll(ring, tables, this.#random)
    for (const change of sealed) changes.push(change)
    await this.#commit(changes, ring, { ...this.#root, digest, seals: 2 * macs.size })
    this.#ring[Symbol.dispose]()
    this.#ring = ring
    this.#macs = macs
    await this.#raw.rewrite?.()
  }

  /** The root on disk is compared in the same transaction: whoever else wrote meanwhile, nothing is forked. */
  async #commit(changes: readonly Change[], ring: KeyRing, next: Root): Promise<void> {
    const root = { ...next, counter: next.counter + 1, seals: next.seals + 1 }
    const value = sealRoot(ring, root, this.#random)
    await this.#raw.commit([...changes, { type: "put", key: rootKey, value }], {
      key: rootKey,
      value: this.#storedRoot,
    })
    this.#root = root
    this.#storedRoot = value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ring[Symbol.dispose]()
    await this.#raw[Symbol.asyncDispose]()
  }
}

interface SealedTables {
  readonly changes: readonly Change[]
  readonly macs: Map<string, Bytes>
  readonly digest: Bytes
  /** The highest that a record has. */
  readonly generation: number
}

function sealAll(ring: KeyRing, tables: Tables, random: Random): SealedTables {
  const changes: Change[] = []
  const macs = new Map<string, Bytes>()
  let { digest, generation: highest } = emptyRoot
  for (const [table, key, { generation, value }] of tables.all()) {
    const sealed = sealRecord(ring, { table, key, generation }, value, random)
    changes.push({ type: "put", key: stored(sealed.name), value: sealed.sealed })
    macs.set(id(table, key), sealed.mac)
    digest = toggled(digest, sealed.mac)
    highest = Math.max(highest, generation)
  }
  return { changes, macs, digest, generation: highest }
}

function load(raw: RawStore, ring: KeyRing): { root: Root; tables: Tables; macs: Map<string, Bytes> } {
  const tables = new Tables()
  const macs = new Map<string, Bytes>()
  const storedRoot = raw.get(rootKey)
  if (storedRoot === undefined) throw tampered()
  const root = openRoot(ring, storedRoot)
  let digest = emptyRoot.digest
  for (const { key, value } of raw.scan(new Uint8Array())) {
    if (sameBytes(key, headerKey) || sameBytes(key, rootKey)) continue
    if (!startsWith(key, recordPrefix)) throw tampered()
    const record = openRecord(ring, key.slice(1), value)
    tables.set(record.table, record.key, { value: record.value, generation: record.generation })
    macs.set(id(record.table, record.key), record.mac)
    digest = toggled(digest, record.mac)
  }
  if (macs.size !== root.records || !equalBytes(digest, root.digest)) throw tampered()
  return { root, tables, macs }
}

function stored(name: Bytes): Bytes {
  return concatBytes(recordPrefix, name)
}

/** Unique, as the length stands first. */
function id(table: string, key: string): string {
  return `${table.length}:${table}${key}`
}

function tampered(cause?: unknown): StoreError<"STORE_TAMPERED"> {
  const message = "the store was damaged or changed from outside; restore it from a backup"
  return new StoreError("STORE_TAMPERED", message, { cause })
}
