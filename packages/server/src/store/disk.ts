import { mkdirSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { join } from "node:path"
import { type Bytes, decode, encode, WireError } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { LinkData } from "@smpkit/smp"
import { type Database, open, type RootDatabase } from "lmdb"
import { ServerError } from "../errors.ts"
import type { QueueChange, QueueRecord, QueueStep } from "../queue.ts"
import type { StoredKey } from "../stored-key.ts"
import { assertDatabase } from "./database-file.ts"
import {
  decodeMessage,
  decodeQueue,
  type DiskQueue,
  encodeMessage,
  encodeQueue,
  hasMessageId,
  idSize,
  messageKey,
  storedLinkData,
} from "./disk-layout.ts"
import { durably, GroupCommit } from "./group-commit.ts"
import type { QueueKey, QueueStore, StoreSpace } from "./store.ts"

type Table = Database<Uint8Array, Uint8Array>

const tableOptions = { encoding: "binary", keyEncoding: "binary" } as const

/**
 * Opens the store in a directory, which is made where it is missing, private to its owner. The caller holds the lock of the server's directory.
 * Throws `ServerError STORE` for a file that is no database of this layout.
 */
export function openDiskStore(path: string, commit: typeof durably = durably): QueueStore {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    assertDatabase(join(path, "data.mdb"))
    const root = open<Uint8Array, Uint8Array>({ path, noSubdir: false, maxDbs: 8, ...tableOptions })
    return new DiskStore(path, root, commit)
  } catch (error) {
    const why = error instanceof WireError ? error.message : "it cannot be opened"
    throw new ServerError(
      "STORE",
      `the store in ${path} is damaged or not one of this version (${why}): restore a backup, or move it away to begin anew`,
      { cause: error },
    )
  }
}

class DiskStore implements QueueStore {
  readonly #path: string
  readonly #root: RootDatabase<Uint8Array, Uint8Array>
  /** Recipient id → queue. */
  readonly #queues: Table
  /** Sender id → recipient id. */
  readonly #senders: Table
  /** Link id → recipient id. */
  readonly #links: Table
  /** Recipient id → link data. */
  readonly #linkData: Table
  /** Recipient id and number → message. */
  readonly #messages: Table
  readonly #commits: GroupCommit
  #closing: Promise<void> | undefined

  constructor(path: string, root: RootDatabase<Uint8Array, Uint8Array>, commit: typeof durably) {
    this.#path = path
    this.#root = root
    const table = (name: string): Table => root.openDB<Uint8Array, Uint8Array>({ name, ...tableOptions })
    this.#queues = table("queues")
    this.#senders = table("senders")
    this.#links = table("links")
    this.#linkData = table("link data")
    this.#messages = table("messages")
    this.#commits = new GroupCommit(root, commit)
  }

  create(record: QueueRecord, linkData?: LinkData): Promise<boolean> {
    return this.#write(() => {
      const { recipientId, senderId, linkId } = record
      if (this.#queues.doesExist(recipientId) || this.#senders.doesExist(senderId)) return false
      if (linkId !== undefined && linkData !== undefined) {
        if (this.#links.doesExist(linkId)) return false
        this.#putLink(recipientId, linkId, linkData)
      }
      void this.#queues.put(recipientId, encodeQueue({ record, first: 0, next: 0 }))
      void this.#senders.put(senderId, recipientId)
      return true
    })
  }

  find(keys: readonly QueueKey[]): Promise<readonly (QueueRecord | undefined)[]> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    try {
      return Promise.resolve(keys.map((key) => this.#find(key)?.record))
    } catch (error) {
      return Promise.reject(storeError(error))
    }
  }

  apply<R>(key: QueueKey, step: QueueStep<R>): Promise<R | undefined> {
    return this.#write(() => {
      const queue = this.#find(key)
      if (queue === undefined) return undefined
      const { record, first, next } = queue
      const size = next - first
      const { changes, outcome } = step.run({
        record,
        size,
        message: (n) => (n < size ? decodeMessage(this.#message(record.recipientId, first + n)) : undefined),
        headIs: (msgId) => size > 0 && hasMessageId(this.#message(record.recipientId, first), msgId),
        linkData: () => this.#linkDataOf(record),
        linkTaken: (linkId) => {
          const owner = read(this.#links, linkId)
          return owner !== undefined && !equalBytes(owner, record.recipientId)
        },
      })
      this.#change(queue, changes)
      return outcome
    })
  }

  recipientIds(after: Bytes | undefined, limit: number): Promise<readonly Bytes[]> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    const range = after === undefined ? { limit } : { start: after, exclusiveStart: true, limit }
    return Promise.resolve(Array.from(this.#queues.getKeys(range), (id) => new Uint8Array(id)))
  }

  async space(): Promise<StoreSpace> {
    if (this.#closing !== undefined) throw closed()
    const tables = [this.#queues, this.#senders, this.#links, this.#linkData, this.#messages]
    const used = tables.reduce((sum, t) => sum + tableBytes(t), 0)
    const { bavail, bsize } = await statfs(this.#path)
    return { used, free: bavail * bsize }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#commits.idle()
      await this.#root.close()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #write<T>(run: () => T): Promise<T> {
    if (this.#closing !== undefined) throw closed()
    try {
      return await this.#commits.add(run)
    } catch (error) {
      throw storeError(error)
    }
  }

  // Found or not, of the right length or not: the same tables are read and one record is decoded (security.md Q22).
  #find({ party, id }: QueueKey): DiskQueue | undefined {
    const name = id.length === idSize ? id : absentId
    const recipientId =
      party === "recipient" ? name : read(party === "sender" ? this.#senders : this.#links, name)
    const ownId = recipientId === undefined ? absentId : new Uint8Array(recipientId)
    const bytes = read(this.#queues, ownId)
    const queue = decodeQueue(ownId, bytes ?? absentQueue)
    return bytes === undefined ? undefined : queue
  }

  #linkDataOf({ recipientId, linkId }: QueueRecord): LinkData | undefined {
    if (linkId === undefined) return undefined
    const bytes = read(this.#linkData, recipientId)
    if (bytes === undefined) throw new WireError("link data are missing", 0)
    return decode(storedLinkData, bytes)
  }

  #putLink(recipientId: Bytes, linkId: Bytes, data: LinkData): void {
    void this.#links.put(linkId, recipientId)
    void this.#linkData.put(recipientId, encode(storedLinkData, data))
  }

  #removeLink({ recipientId, linkId }: QueueRecord): void {
    if (linkId === undefined) return
    void this.#links.remove(linkId)
    void this.#linkData.remove(recipientId)
  }

  #message(recipientId: Bytes, number: number): Uint8Array {
    const bytes = read(this.#messages, messageKey(recipientId, number))
    if (bytes === undefined) throw new WireError("a message is missing", 0)
    return bytes
  }

  // Inside a transaction writes are done at once; its promise tells the outcome of all.
  #change(queue: DiskQueue, changes: readonly QueueChange[]): void {
    if (changes.length === 0) return
    const { recipientId, senderId } = queue.record
    let { record, first, next } = queue
    for (const change of changes) {
      switch (change.type) {
        case "record":
          record = change.record
          break
        case "append":
          void this.#messages.put(messageKey(recipientId, next), encodeMessage(change.message))
          next += 1
          break
        case "dropHead":
          void this.#messages.remove(messageKey(recipientId, first))
          first += 1
          break
        case "link":
          if (record.linkId === undefined || !equalBytes(record.linkId, change.linkId))
            this.#removeLink(record)
          this.#putLink(recipientId, change.linkId, change.data)
          record = { ...record, linkId: change.linkId }
          break
        case "unlink":
          this.#removeLink(record)
          record = { ...record, linkId: undefined }
          break
        case "delete":
          this.#removeLink(record)
          for (let n = first; n < next; n++) void this.#messages.remove(messageKey(recipientId, n))
          void this.#queues.remove(recipientId)
          void this.#senders.remove(senderId)
          return
        default:
          change satisfies never
      }
    }
    void this.#queues.put(recipientId, encodeQueue({ record, first, next }))
  }
}

/** A value that may be looked at until the next one is read: the buffer is used again, and is longer than its `length` says. */
function read(table: Table, key: Uint8Array): Uint8Array | undefined {
  const found = table.getBinaryFast(key)
  return found === undefined ? undefined : new Uint8Array(found.buffer, found.byteOffset, found.length)
}

const absentId: Bytes = new Uint8Array(idSize)
// As large as a usual record, so that decoding it takes as long.
const absentQueue = encodeQueue({
  record: {
    recipientId: absentId,
    senderId: absentId,
    recipientKey: new Uint8Array(44) as StoredKey,
    secret: new Uint8Array(32),
    mode: "messaging",
    senderKey: new Uint8Array(44) as StoredKey,
    linkId: undefined,
    status: "active",
    full: false,
    epoch: 1,
    usedDay: 20_000,
  },
  first: 0,
  next: 0,
})

interface TableStats {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

function tableBytes(table: Table): number {
  const stats = table.getStats() as TableStats
  return (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize
}

function closed(): ServerError {
  return new ServerError("STORE", "the store is closed")
}

function storeError(error: unknown): ServerError {
  if (ServerError.is(error, "STORE")) return error
  const why = error instanceof WireError ? "holds a damaged record" : "failed"
  return new ServerError("STORE", `the store ${why}`, { cause: error })
}
