import { isDuplex } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import type { Receipt } from "./messages.ts"
import { prepare } from "./outgoing.ts"
import { mayEncrypt } from "./resynchronize/may-encrypt.ts"
import { receiptsVersion } from "./version.ts"

// security.md Q7: receipts must not be a beacon.
const maxDelayMs = 5000
const minIntervalMs = 5000
const maxAgeMs = 7 * 24 * 3600_000
/** `list8` of A_RCVD. */
const maxPerEnvelope = 255

/** Sends the receipts that the application asked for: after a random delay, many in one envelope, one envelope in five seconds. */
export class Receipts {
  readonly #context: Context
  readonly #conversation: Conversation
  #timer: Disposable | undefined
  #lastSent = Number.NEGATIVE_INFINITY

  constructor(context: Context, conversation: Conversation) {
    this.#context = context
    this.#conversation = conversation
  }

  /** To be called when receipts were recorded, and on start. */
  schedule(): void {
    if (this.#timer !== undefined || this.#conversation.messages.receipts.length === 0) return
    const { clock, random } = this.#context
    const [high = 0, low = 0] = random.bytes(2)
    const delay = Math.round(((high * 256 + low) / 65535) * maxDelayMs)
    const due = Math.max(delay, this.#lastSent + minIntervalMs - clock.now())
    this.#timer = clock.setTimer(due, () => {
      this.#timer = undefined
      if (this.#context.closing.signal.aborted || !this.#conversation.active) return
      this.#context.background(this.#send())
    })
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  async #send(): Promise<void> {
    const conversation = this.#conversation
    const { connection: c, session, messages } = conversation
    const { receipts } = messages
    if (!isDuplex(c) || session === undefined || c.sendLocked) return
    if (c.state !== "connected" || !mayEncrypt(c, session.ratchet)) {
      this.schedule()
      return
    }
    const now = this.#context.clock.now()
    const fresh = receipts.filter(({ received }) => now - received < maxAgeMs)
    const batch = fresh.slice(0, maxPerEnvelope)
    const [first, ...others] = batch.map(({ sndMsgId, hash }): Receipt => ({
      sndMsgId,
      msgHash: hash,
      info: new Uint8Array(0),
    }))
    if (first === undefined || c.agentVersion < receiptsVersion) {
      await conversation.save({ settledReceipts: receipts })
      return
    }
    const prepared = prepare(this.#context, c, session, { type: "A_RCVD", receipts: [first, ...others] })
    this.#lastSent = now
    await conversation.save({
      session: prepared.session,
      outgoing: [prepared.item],
      settledReceipts: [...batch, ...receipts.filter((one) => !fresh.includes(one))],
    })
    this.schedule()
  }
}
