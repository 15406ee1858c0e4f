import type { Changes } from "./changes.ts"
import type { Connection, Session } from "./connection.ts"
import type { Context } from "./context.ts"
import { type Outline, outlineOf } from "./outline.ts"
import type { Droppable } from "./recently-used.ts"
import { getRecord, putRecord, type Table, tables } from "./records.ts"
import { SeenEnvelopes } from "./seen-envelopes.ts"
import type { StoreTx } from "./store/index.ts"

/**
 * What of a connection is in memory only while it is used, as there may be very many of them: its record, its session with the ratchet, and the hashes of what
 * came. Whatever was dropped is read again when it is asked for.
 */
export class AtHand implements Droppable {
  readonly #id: string
  readonly #context: Context
  #outline: Outline
  #connection: Connection | undefined
  /** As stored: there may be none. */
  #session: { readonly value: Session | undefined } | undefined
  #seen: SeenEnvelopes | undefined
  /** Which write of its record is the last: before `allowConnection` and while joining it holds a ratchet. */
  #connectionGeneration: number
  /** Which write of the session's record is the last. */
  #sessionGeneration: number
  /** Changes that memory has and the store has not yet. */
  #unwritten = 0
  /** The records go, and cannot be read again. */
  #kept = false

  constructor(context: Context, connection: Connection) {
    const { store, servers } = context
    const { id } = connection
    this.#id = id
    this.#context = context
    this.#outline = outlineOf(servers, connection)
    this.#connectionGeneration = store.generation(tables.connection.name, id)
    this.#sessionGeneration = store.generation(tables.session.name, id)
  }

  get connection(): Connection {
    this.#context.recentlyUsed.use(this)
    this.#connection ??= this.#read(tables.connection)
    if (this.#connection === undefined) throw new TypeError("a connection without a record")
    return this.#connection
  }

  /** What is known of `connection` at any time. */
  get outline(): Outline {
    return this.#outline
  }

  get session(): Session | undefined {
    this.#context.recentlyUsed.use(this)
    this.#session ??= { value: this.#read(tables.session) }
    return this.#session.value
  }

  get seen(): SeenEnvelopes {
    this.#context.recentlyUsed.use(this)
    this.#seen ??= new SeenEnvelopes(this.#context.store, this.#id)
    return this.#seen
  }

  #read<T>(table: Table<T>): T | undefined {
    this.#context.assertOpen()
    return getRecord(this.#context.store, table, this.#id)
  }

  drop(): boolean {
    if (this.#unwritten > 0) return false
    if (this.#kept) return true
    this.#connection = undefined
    this.#session = undefined
    this.#seen = undefined
    return true
  }

  /** To be called when the records are about to be erased: whoever is at work with the connection still looks at it. */
  keep(): void {
    this.#connection = this.connection
    this.#session = { value: this.session }
    this.#kept = true
    this.#context.recentlyUsed.forget(this)
  }

  remember({ connection, session }: Changes): void {
    this.#context.recentlyUsed.use(this)
    if (connection !== undefined) {
      this.#connection = connection
      this.#outline = outlineOf(this.#context.servers, connection)
    }
    if (session !== undefined) this.#session = { value: session }
  }

  /** What was remembered is not written at once: until the returned function is called, nothing is dropped. */
  hold(): () => void {
    this.#unwritten++
    return () => {
      this.#unwritten--
    }
  }

  write(tx: StoreTx, { connection, session, seen }: Changes): void {
    const id = this.#id
    // Two writers would use one message key twice: whoever comes second is refused (security.md Q2).
    if (connection !== undefined) {
      putRecord(tx, tables.connection, id, connection, this.#connectionGeneration)
      this.#connectionGeneration = tx.generation(tables.connection.name, id)
    }
    if (session !== undefined) {
      putRecord(tx, tables.session, id, session, this.#sessionGeneration)
      this.#sessionGeneration = tx.generation(tables.session.name, id)
    }
    if (seen === true) this.seen.put(tx)
  }
}
