import { hybridOf } from "@smpkit/ratchet"
import { type Connection, isDuplex } from "./connection.ts"
import type { Context } from "./context.ts"
import type { OutgoingItem } from "./changes.ts"
import type { Conversation } from "./conversation.ts"
import { fastRetry, type SmpClient } from "@smpkit/client"
import { Backoff, quotaRetry } from "./backoff.ts"
import { type Failure, serverText } from "./failures.ts"
import type { Notice } from "./notice.ts"
import { failedMessage } from "./rotation/failed-message.ts"
import { closeConnection } from "./removal.ts"
import { sendsOwnKey } from "./seal.ts"
import { reachQueue, sendItem } from "./send-item.ts"
import { SendWindow } from "./send-window.ts"

/** An item on its way; the answer is why it failed. */
interface InFlight {
  readonly item: OutgoingItem
  readonly answer: Promise<Failure | undefined>
  /** Which queue it was sent to. */
  readonly epoch: number
}

/**
 * Sends what is stored for the other side's queue, in order, until the connection or the agent ends. Several SENDs are on the way at once:
 * each fills a block of its own, and the server executes blocks in the order in which they came. An item leaves the store when the server has kept it;
 * after a drop, everything unanswered is sent again with the same bytes, in order, and the other side swallows what it had.
 */
export class Delivery {
  readonly #context: Context
  readonly #conversation: Conversation
  readonly #fast = new Backoff(fastRetry)
  readonly #quota = new Backoff(quotaRetry)
  #running = false
  #again = false
  #wake: (() => void) | undefined
  readonly #window: SendWindow
  /** The head of the queue has met QUOTA, so it is given up later. */
  #full = false

  constructor(context: Context, conversation: Conversation) {
    this.#context = context
    this.#conversation = conversation
    this.#window = new SendWindow(context.options.sendWindow)
    conversation.kick = () => {
      this.start()
    }
    conversation.resume = () => {
      this.resume()
    }
  }

  /** Sends what waits, unless that goes on already or a retry is due later. */
  start(): void {
    this.#again = true
    if (this.#running || !this.#conversation.active) return
    this.#running = true
    this.#context.background(this.#run())
  }

  /** The other side has made room, or the network is back: tries at once. */
  resume(): void {
    this.#quota.reset()
    this.#fast.reset()
    this.#wake?.()
    this.start()
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && this.#conversation.active) {
        this.#again = false
        const failure = await this.#attempt()
        if (failure !== undefined) await this.#wait(failure)
      }
    } finally {
      this.#running = false
    }
  }

  async #wait(failure: Failure): Promise<void> {
    this.#full = failure.type === "quota"
    if (this.#full) this.#window.full()
    this.#again = true
    await this.#giveUpOld(failure)
    const backoff = this.#full ? this.#quota : this.#fast
    await this.#context.pause(backoff.nextMs(), (wake) => {
      this.#wake = wake
    })
    this.#wake = undefined
  }

  /** Sends until nothing waits; the answer is what stopped it before. */
  async #attempt(): Promise<Failure | undefined> {
    const inFlight: InFlight[] = []
    let client: SmpClient | undefined
    for (;;) {
      // Those on the way together go by one session: by the next one, what is sent last would come first.
      if (inFlight.length === 0) {
        const { epoch } = this.#conversation.moves
        const reached = await this.#unlessMoved(reachQueue(this.#context, this.#conversation))
        if (this.#isOld({ epoch })) {
          this.#again = true
          return undefined
        }
        if (reached?.type === "failure") return reached.failure
        client = reached?.client
      }
      if (!this.#alive() || client === undefined) return undefined
      this.#fill(inFlight, client)
      const first = inFlight.shift()
      if (first === undefined) return undefined
      const failure = await this.#unlessMoved(first.answer)
      if (this.#isOld(first)) {
        // Whether the old queue has kept it or not: it goes to the new one.
        this.#again = true
        return undefined
      }
      if (failure === undefined) {
        this.#fast.reset()
        this.#quota.reset()
        this.#full = false
        this.#window.kept()
        this.#finish(first.item)
      } else if (failure.type === "permanent" && !this.#conversation.moves.willSend(first.item)) {
        await this.#fail(first.item, failure)
      } else {
        // What was sent after it and was kept is done; what was not comes after it again.
        for (const { item, answer } of inFlight) {
          if ((await answer) === undefined && !this.#isOld(first)) this.#finish(item)
        }
        return failure.type === "permanent" ? { ...failure, type: "temporary" } : failure
      }
    }
  }

  /** What `work` comes to, or `undefined` as soon as the queue that it is about is in use no more. */
  #unlessMoved<T>(work: Promise<T>): Promise<T | undefined> {
    this.#context.background(work)
    return new Promise((resolve, reject) => {
      this.#conversation.moves.onMoved = () => {
        resolve(undefined)
      }
      work.then(resolve, reject)
    })
  }

  #isOld({ epoch }: Pick<InFlight, "epoch">): boolean {
    return epoch !== this.#conversation.moves.epoch
  }

  #alive(): boolean {
    return this.#conversation.active && !this.#conversation.moves.storing
  }

  /** Starts as many SENDs as may be on the way. */
  #fill(inFlight: InFlight[], client: SmpClient): void {
    while (inFlight.length < this.#room(inFlight.length)) {
      const item = this.#conversation.outgoing[inFlight.length]
      if (item === undefined) return
      const { epoch } = this.#conversation.moves
      inFlight.push({ item, epoch, answer: sendItem(this.#context, this.#conversation, item, client) })
    }
  }

  /** Handshake items go alone: what follows depends on them. */
  #room(inFlight: number): number {
    const alone = this.#conversation.outgoing
      .slice(0, inFlight + 1)
      .some(({ type }) => type === "draft" || type === "confirmation" || type === "HELLO")
    return alone ? 1 : this.#window.size
  }

  /** The server has kept it. */
  #finish(item: OutgoingItem): void {
    const conversation = this.#conversation
    if (!conversation.active) return
    this.#remove(item)
    const c = conversation.connection
    const { id: connectionId } = c
    const { sndMsgId, messageId } = item
    const connection = afterDelivery(c, item)
    const notices: Notice[] = []
    if (messageId !== undefined && isDuplex(c)) {
      notices.push({ type: "sent", connectionId, messageId, server: serverText(c.send.info.server) })
    }
    if (connection?.state === "connected") {
      const ratchet = conversation.session?.ratchet
      const postQuantum = ratchet !== undefined && hybridOf(ratchet).sending
      notices.push({ type: "connected", connectionId, postQuantum })
    }
    const shown =
      connection === undefined
        ? conversation.finishLater(item, notices)
        : conversation.saveAndShow({ connection, finished: [sndMsgId], notices })
    this.#context.background(shown.then(() => this.#leaveWhenEmpty()))
    if (connection !== undefined) conversation.moves.kick()
  }

  /** It will never be kept: the application hears why. */
  async #fail(item: OutgoingItem, { code, message }: Failure): Promise<void> {
    const conversation = this.#conversation
    const c = conversation.connection
    if (!isDuplex(c) || !conversation.active) return
    if (item.type === "draft" || item.type === "confirmation" || item.type === "HELLO") {
      const used = c.role === "joiner" && code === "AUTH"
      await closeConnection(
        this.#context,
        conversation,
        used ? "LINK_ALREADY_USED" : code,
        used
          ? "Somebody else has used this link before: ask for a new one."
          : `The handshake cannot go on: ${message}`,
      )
      return
    }
    this.#remove(item)
    const server = serverText(c.send.info.server)
    const notices: Notice[] =
      item.messageId === undefined
        ? [{ type: "error", connectionId: c.id, code, message, server }]
        : [{ type: "failed", connectionId: c.id, messageId: item.messageId, code, message, server }]
    await conversation.saveAndShow({ finished: [item.sndMsgId], forgotten: [item.sndMsgId], notices })
    await failedMessage(this.#context, conversation, item, message)
    await this.#leaveWhenEmpty()
  }

  /** agent-protocol.md, "Sending, retries, errors". */
  async #giveUpOld(failure: Failure): Promise<void> {
    const { messageExpiryMs, quotaExpiryMs } = this.#context.options
    const limit = this.#context.clock.now() - (failure.type === "quota" ? quotaExpiryMs : messageExpiryMs)
    for (const item of this.#conversation.outgoing.filter(({ created }) => created < limit)) {
      await this.#fail(item, {
        type: "permanent",
        code: "EXPIRED",
        message: `It could not be delivered in time. ${failure.message}`,
      })
      if (!this.#conversation.active) return
    }
  }

  #remove(item: OutgoingItem): void {
    const { outgoing } = this.#conversation
    const at = outgoing.indexOf(item)
    if (at >= 0) outgoing.splice(at, 1)
  }

  async #leaveWhenEmpty(): Promise<void> {
    const conversation = this.#conversation
    if (!conversation.active || !conversation.connection.leaving || conversation.unsent > 0) return
    await closeConnection(this.#context, conversation, "DELETED", "The connection was deleted.")
  }
}

/** How the handshake goes on when one of its items was delivered; `undefined` when it does not. */
function afterDelivery(c: Connection, item: OutgoingItem): Connection | undefined {
  if (item.type === "confirmation" && c.state === "accepted") {
    return { ...c, state: sendsOwnKey(c.send) ? "connected" : "waiting" }
  }
  if (item.type === "HELLO" && c.state === "greeting")
    return { ...c, state: c.answer ? "connected" : "waiting" }
  return undefined
}
