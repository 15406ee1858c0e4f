import { fastRetry, type SmpClient } from "@smpkit/client"
import { equalBytes } from "@smpkit/crypto"
import { Backoff } from "../backoff.ts"
import { isDuplex } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import type { Failure } from "../failures.ts"
import type { ReceiveQueue } from "../queues.ts"
import type { ServerUse } from "../servers-in-use.ts"
import { mayEncrypt } from "../resynchronize/may-encrypt.ts"
import { drain } from "./drain.ts"
import { offerQueue, secureQueue, type SwitchOptions, withdrawOffer } from "./receiving-side.ts"
import { abandonMove, answerQadd, testQueue } from "./sending-side.ts"

const hoursMs = 3600_000
/** How long the other side has time to take part in a move. */
const offerMs = 48 * hoursMs
/** Longer than the other side may wait, so that its QUSE still finds the queue. */
const answerMs = 7 * 24 * hoursMs

/** What a move needs of those who know all connections. */
export interface MoverHooks {
  readonly watch: (queue: ReceiveQueue, created?: SmpClient) => Promise<void>
  readonly unwatch: (queue: ReceiveQueue) => void
  readonly release: (uses: readonly ServerUse[]) => void
}

/** Does what the moves of one connection ask for, on either side, until it is done; a restart goes on where it stood. */
export class Mover {
  readonly #context: Context
  readonly #conversation: Conversation
  readonly #hooks: MoverHooks
  // Most connections never move.
  #receivingWorker: Worker | undefined
  #sendingWorker: Worker | undefined

  constructor(context: Context, conversation: Conversation, hooks: MoverHooks) {
    this.#context = context
    this.#conversation = conversation
    this.#hooks = hooks
    conversation.moves.kick = () => {
      this.start()
    }
    conversation.moves.onDropped = hooks.unwatch
  }

  get #receiving(): Worker {
    this.#receivingWorker ??= new Worker(this.#context, this.#conversation, () => this.#receiveStep())
    return this.#receivingWorker
  }

  get #sending(): Worker {
    this.#sendingWorker ??= new Worker(this.#context, this.#conversation, () => this.#sendStep())
    return this.#sendingWorker
  }

  start(): void {
    const { receive, send } = this.#conversation.moves
    if (receive?.state === "securing" || receive?.state === "draining") this.#receiving.start()
    if (send.move?.state === "asked" || send.move?.state === "testing") this.#sending.start()
  }

  /** A server can be reached again. */
  resume(): void {
    this.#receivingWorker?.wake()
    this.#sendingWorker?.wake()
  }

  /** Offers a new queue to the other side. Throws as `offerQueue`. */
  async offer(options: SwitchOptions): Promise<void> {
    const { queue, client } = await offerQueue(this.#context, this.#conversation, options)
    await this.#hooks.watch(queue, client)
  }

  /** A server has one of our queues no more. */
  async gone(queue: ReceiveQueue): Promise<void> {
    const { moves } = this.#conversation
    const move = moves.receive
    if (move === undefined || !this.#conversation.active) return
    const isNew = equalBytes(queue.recipientId, move.queue.recipientId)
    switch (move.state) {
      case "offered":
      case "securing":
        await this.#withdraw(
          isNew
            ? "its server has deleted the new one."
            : "the old one is gone, by which the other side would answer.",
        )
        return
      case "using":
        if (isNew) await this.#withdraw("its server has deleted the new one.")
        return
      case "draining":
        this.#receiving.wake()
        return
      default:
        return move.state satisfies never
    }
  }

  /** Ends what has taken too long. */
  async tidy(): Promise<void> {
    const { moves } = this.#conversation
    const { receive: own, send } = moves
    const now = this.#context.clock.now()
    const late = "the other side has not answered in two days."
    if ((own?.state === "offered" || own?.state === "securing") && now - own.since >= offerMs)
      await this.#withdraw(late)
    // In a session with its server nothing has come: the other side does not use it.
    const unused =
      own?.state === "using" && this.#context.pool.current(own.queue.server, "receive") !== undefined
    if (unused && now - own.since >= answerMs)
      await this.#withdraw("the other side has not begun to use the new one in seven days.")
    if (send.move?.state === "answered" && now - send.move.since >= answerMs)
      await this.#abandon("the other side has not gone on with it in seven days.")
    if (send.move?.state === "asked" && now - send.move.due >= offerMs)
      await this.#abandon("the server of the new queue could not be reached in two days.")
  }

  async #withdraw(why: string): Promise<void> {
    const move = this.#conversation.moves.receive
    if (move !== undefined) await withdrawOffer(this.#context, this.#conversation, move, why)
  }

  async #abandon(why: string): Promise<void> {
    const { move } = this.#conversation.moves.send
    if (move === undefined) return
    await abandonMove(this.#context, this.#conversation, why)
    this.#hooks.release([{ role: "send", server: move.queue.info.server }])
  }

  async #receiveStep(): Promise<Step> {
    const move = this.#conversation.moves.receive
    if (move === undefined) return "done"
    switch (move.state) {
      case "securing": {
        const failure = await secureQueue(this.#context, this.#conversation, move)
        if (failure?.type === "permanent") await this.#withdraw(failure.message)
        return failure ?? "done"
      }
      case "draining":
        await drain(this.#context, this.#conversation, move)
        return "done"
      case "offered":
      case "using":
        return "done"
      default:
        return move.state satisfies never
    }
  }

  async #sendStep(): Promise<Step> {
    const { connection: c, moves, session } = this.#conversation
    const { move } = moves.send
    if (move === undefined) return "done"
    switch (move.state) {
      case "asked": {
        if (c.state !== "connected" || session === undefined || !mayEncrypt(c, session.ratchet)) return "done"
        const wait = move.due - this.#context.clock.now()
        if (wait > 0) return { waitMs: wait }
        return (await answerQadd(this.#context, this.#conversation, move)) ?? "done"
      }
      case "testing": {
        const old = isDuplex(c) ? c.send.info.server : undefined
        const failure = await testQueue(this.#context, this.#conversation, move)
        const unused =
          failure === undefined ? old : failure.type === "permanent" ? move.queue.info.server : undefined
        if (unused !== undefined) this.#hooks.release([{ role: "send", server: unused }])
        return failure ?? "done"
      }
      case "answered":
        return "done"
      default:
        return move satisfies never
    }
  }
}

/** What a step came to: nothing to do for now, a time to wait for, or a failure. */
type Step = "done" | { readonly waitMs: number } | Failure

/** Repeats a step until there is nothing to do, with longer and longer pauses after failures. */
class Worker {
  readonly #context: Context
  readonly #conversation: Conversation
  readonly #step: () => Promise<Step>
  readonly #backoff = new Backoff(fastRetry)
  #running = false
  #again = false
  #wake: (() => void) | undefined

  constructor(context: Context, conversation: Conversation, step: () => Promise<Step>) {
    this.#context = context
    this.#conversation = conversation
    this.#step = step
  }

  start(): void {
    this.#again = true
    if (this.#running) return
    this.#running = true
    this.#context.background(this.#run())
  }

  wake(): void {
    this.#backoff.reset()
    this.#wake?.()
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && this.#conversation.active) {
        this.#again = false
        const step = await this.#step()
        if (step === "done") {
          this.#backoff.reset()
          continue
        }
        if ("type" in step && step.type === "permanent") continue
        this.#again = true
        await this.#context.pause("waitMs" in step ? step.waitMs : this.#backoff.nextMs(), (wake) => {
          this.#wake = wake
        })
        this.#wake = undefined
      }
    } finally {
      this.#running = false
    }
  }
}
