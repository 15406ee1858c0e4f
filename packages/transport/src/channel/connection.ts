import type { Bytes } from "@smpkit/codec"
import type { ChannelFailure } from "./failure.ts"
import { Inbox } from "./inbox.ts"
import type { ChannelKeys } from "./key-schedule.ts"
import { closeCodes, RecordOpener, RecordSealer, recordSize } from "./records.ts"

// channel.md, "Records" and "State machines": after the handshake.

/** How a connection ended: as both sides wanted, or not. */
export type ChannelEnd =
  { readonly type: "end" } | { readonly type: "failed"; readonly failure: ChannelFailure }

/** What the next record of the peer means. */
export type ChannelEvent =
  | { readonly type: "block"; readonly block: Bytes }
  /** The connection is over: send what is to be sent, then end the stream. Comes once. */
  | { readonly type: "closed"; readonly send: readonly Bytes[] | undefined; readonly end: ChannelEnd }

/** A channel in OPEN, then HALF, then CLOSED. */
export class ChannelConnection implements Disposable {
  readonly #sealer: RecordSealer
  readonly #opener: RecordOpener
  readonly #inbox: Inbox = new Inbox()
  #state: "open" | "half" | "closed" = "open"

  constructor(sealer: RecordSealer, opener: RecordOpener) {
    this.#sealer = sealer
    this.#opener = opener
  }

  /** `open`: blocks in and out. `half`: our close is sent. */
  get state(): "open" | "half" | "closed" {
    return this.#state
  }

  /** Whether only a close may still be sent, since the numbers of this direction are used up. */
  get atLimit(): boolean {
    return this.#sealer.atLimit
  }

  /** A block as the pieces of a record, which is to be written before any later one. In `open` only. */
  seal(block: Bytes): readonly Bytes[] {
    if (this.#state !== "open") throw new RangeError("a channel that sends no more")
    return this.#sealer.data(block)
  }

  /** Our close, after which nothing may be sent; `undefined` when there was one already. */
  close(): readonly Bytes[] | undefined {
    if (this.#state !== "open") return undefined
    this.#state = "half"
    return this.#sealer.close(closeCodes.end)
  }

  /** Takes bytes of the peer, whose memory then belongs to the connection. */
  push(bytes: Bytes): void {
    if (this.#state !== "closed") this.#inbox.push(bytes)
  }

  /** What the next record means; `undefined` until one is whole. */
  next(): ChannelEvent | undefined {
    if (this.#state === "closed") return undefined
    const record = this.#inbox.take(recordSize)
    if (record === undefined) return undefined
    const opened = this.#opener.open(record)
    switch (opened.type) {
      case "data":
        return { type: "block", block: opened.block }
      case "close":
        return this.#closed(closeCodes.end, endOf(opened.code))
      case "bad":
        return this.#closed(closeCodes.record, { type: "failed", failure: badRecord })
      default:
        return opened satisfies never
    }
  }

  /** The stream ended, or the time for the peer's close ran out. `undefined` after CLOSED. */
  truncated(): ChannelEvent | undefined {
    if (this.#state === "closed") return undefined
    this[Symbol.dispose]()
    return { type: "closed", send: undefined, end: { type: "failed", failure: cut } }
  }

  #closed(code: number, end: ChannelEnd): ChannelEvent {
    const send = this.#state === "open" ? this.#sealer.close(code) : undefined
    this[Symbol.dispose]()
    return { type: "closed", send, end }
  }

  /** Erases the keys. */
  [Symbol.dispose](): void {
    this.#state = "closed"
    this.#inbox.clear()
    this.#sealer[Symbol.dispose]()
    this.#opener[Symbol.dispose]()
  }
}

/** The connection of one side, with the keys of both directions. Other keys are erased. */
export function openConnection(
  role: "client" | "server",
  keys: Pick<ChannelKeys, "client" | "server">,
): ChannelConnection {
  const [ours, theirs] = role === "client" ? [keys.client, keys.server] : [keys.server, keys.client]
  return new ChannelConnection(new RecordSealer(ours), new RecordOpener(theirs))
}

const badRecord: ChannelFailure = {
  code: "RECORD",
  message: "what came does not decrypt: it was changed, repeated or left out on the way; connect again",
}
const cut: ChannelFailure = {
  code: "TRUNCATED",
  message: "the connection ended before the other side said that it was done: connect again",
}

function endOf(code: number): ChannelEnd {
  if (code === closeCodes.end) return { type: "end" }
  return { type: "failed", failure: { code: "PEER", message: peerSentence(code), detail: code } }
}

function peerSentence(code: number): string {
  switch (code) {
    case closeCodes.record:
      return "the other side could not read what this one sent: it was changed on the way; connect again"
    case closeCodes.limit:
      return "the connection has carried all that it may carry: connect again"
    default:
      return `the other side ended the connection with the number ${code}, which this program does not know`
  }
}
