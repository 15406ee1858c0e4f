import type { Readable } from "node:stream"
import { concatBytes } from "@smpkit/codec"
import type { AgentApi, AgentEvent, MessageEvent } from "../agent-port.ts"
import { CommandError } from "../failure.ts"
import { Changes } from "./changes.ts"
import { StreamDigest } from "./digest.ts"
import {
  brokenEnd,
  chunkSize,
  decodeFrame,
  encodeFrame,
  type PipeFrame,
  sameTransfer,
  type Summary,
} from "./frame.ts"
import { pieces } from "./pieces.ts"

/** Messages given to the agent that no server has yet: bounds memory, and the agent's store while the receiver is away. */
const windowSize = 64

export interface SendOptions {
  readonly agent: Pick<AgentApi, "sendMessage" | "acknowledgeMessage" | "events">
  readonly connectionId: string
  readonly source: Readable
  /** False while the other side has not answered the handshake. */
  readonly connected: boolean
  /** An earlier run stopped in the middle: its transfer is ended first. */
  readonly unfinished: boolean
  /** Before the first frame of this transfer. */
  readonly onBegin: () => Promise<void>
  /** When the end frame is in the agent's store: whatever happens now, the transfer is whole. */
  readonly onEnded: () => Promise<void>
  readonly onConnected: () => Promise<void>
  /** Bytes that a server has taken. */
  readonly onProgress: (bytes: number) => void
  readonly onNotice: (line: string) => void
}

/**
 * Sends a stream through a connection; resolves when the other side has confirmed all of it (docs/pipe.md).
 * Rejects with `CommandError` FAILED when a message cannot be delivered, the other side refuses, or the connection closes.
 * The caller closes the agent and the source afterwards: both may still be waited for.
 */
export async function sendStream(options: SendOptions): Promise<void> {
  const transfer = new Transfer(options)
  const tasks = [transfer.send(), transfer.listen()]
  for (const task of tasks)
    task.catch((error: unknown) => {
      transfer.fail(error)
    })
  await transfer.confirmed()
}

class Transfer {
  readonly #options: SendOptions
  readonly #changes = new Changes()
  readonly #digest = new StreamDigest()
  readonly #unsent = new Map<number, number>() // message id → bytes of data
  readonly #sentEarly = new Set<number>() // `sent` may overtake the answer to `sendMessage`
  #handingOver = 0
  #connected: boolean
  #endId: number | undefined
  #summary: Summary | undefined
  #progress = 0
  #outcome: { readonly type: "confirmed" } | { readonly type: "failed"; readonly error: unknown } | undefined

  constructor(options: SendOptions) {
    this.#options = options
    this.#connected = options.connected
  }

  async send(): Promise<void> {
    await this.#changes.until(() => this.#connected || this.#isOver())
    if (this.#isOver()) return
    await this.#options.onBegin()
    if (this.#options.unfinished) await this.#post(brokenEnd)
    for await (const piece of pieces(this.#options.source, chunkSize)) {
      this.#digest.add(piece)
      await this.#post({ type: "chunk", data: concatBytes(piece) })
      if (this.#isOver()) return
    }
    await this.#changes.until(() => this.#handingOver === 0 || this.#isOver())
    this.#summary = this.#digest.summary()
    await this.#post({ type: "end", ...this.#summary })
    await this.#changes.until(() => this.#handingOver === 0 || this.#outcome?.type === "failed")
    if (this.#endId !== undefined) await this.#options.onEnded()
    await this.#changes.until(() => (this.#handingOver === 0 && this.#unsent.size === 0) || this.#isOver())
    if (!this.#isOver()) this.#options.onNotice("sent; waiting for the other side to confirm")
  }

  /** Settles with the outcome of the transfer. */
  async confirmed(): Promise<void> {
    await this.#changes.until(() => this.#isOver())
    if (this.#outcome?.type === "failed") throw this.#outcome.error
  }

  #isOver(): boolean {
    return this.#outcome !== undefined
  }

  /** Takes the agent's events until there is an outcome; the end of the events is one. */
  async listen(): Promise<void> {
    for await (const event of this.#options.agent.events()) {
      await this.#take(event)
      this.#changes.notify()
      if (this.#isOver()) return
    }
    this.fail(
      new CommandError("FAILED", "stopped before the other side had confirmed: run the same command again"),
    )
  }

  /** Hands a frame to the agent without waiting for its disk, in order, as far as the window allows. */
  async #post(frame: PipeFrame): Promise<void> {
    await this.#changes.until(() => this.#handingOver + this.#unsent.size < windowSize || this.#isOver())
    if (this.#isOver()) return
    const { agent, connectionId } = this.#options
    const size = frame.type === "chunk" ? frame.data.length : 0
    this.#handingOver++
    void agent
      .sendMessage({ connectionId, body: encodeFrame(frame) })
      .then(({ messageId }) => {
        if (frame.type === "end" && frame !== brokenEnd) this.#endId = messageId
        this.#unsent.set(messageId, size)
        if (this.#sentEarly.delete(messageId)) this.#sent(messageId)
      })
      .catch((error: unknown) => {
        this.fail(error)
      })
      .finally(() => {
        this.#handingOver--
        this.#changes.notify()
      })
  }

  async #take(event: AgentEvent): Promise<void> {
    if (
      "connectionId" in event &&
      event.connectionId !== undefined &&
      event.connectionId !== this.#options.connectionId
    )
      return
    switch (event.type) {
      case "connected":
        await this.#options.onConnected()
        this.#connected = true
        return
      case "sent":
        this.#sent(event.messageId)
        return
      case "failed":
        this.fail(
          new CommandError("FAILED", `a message could not be delivered (${event.code}): ${event.message}`),
        )
        return
      case "delivered":
        // A receipt for the end is a confirmation, too: the other side may be another program than ours.
        if (event.messageId === this.#endId && event.hashOk) this.#outcome ??= { type: "confirmed" }
        return
      case "message":
        await this.#answer(event)
        return
      case "closed":
        this.fail(new CommandError("FAILED", `the connection was closed (${event.code}): ${event.message}`))
        return
      case "error":
        this.#options.onNotice(event.message)
        return
      case "serverDown":
        this.#options.onNotice(`no connection to ${event.server}: trying again`)
        return
      case "postQuantumChanged":
        if (!event.sending) this.#options.onNotice("post-quantum encryption has ended")
        return
      case "ratchetSync":
        if (event.state === "agreed")
          this.#options.onNotice(
            "the keys of this connection were replaced: the security code is another one",
          )
        return
      case "serverUp":
      case "queueSwitched":
        return
      case "confirmation":
      case "contactRequest":
      case "info":
        return
      default:
        event satisfies never
    }
  }

  #sent(messageId: number): void {
    const size = this.#unsent.get(messageId)
    if (size === undefined) {
      if (this.#handingOver > 0) this.#sentEarly.add(messageId)
      return
    }
    this.#unsent.delete(messageId)
    this.#progress += size
    this.#options.onProgress(this.#progress)
  }

  async #answer({ messageId, body }: MessageEvent): Promise<void> {
    const frame = decodeFrame(body)
    if (frame?.type === "chunk" || frame?.type === "end") {
      this.fail(
        new CommandError(
          "FAILED",
          "the other side sends on this connection, too: use one name for each direction",
        ),
      )
      return // unacknowledged, so that a `receive` with this name still gets it
    }
    const { agent, connectionId } = this.#options
    await agent.acknowledgeMessage({ connectionId, messageId, receipt: false })
    // Answers to earlier transfers name another one.
    if (frame === undefined || this.#summary === undefined || !sameTransfer(frame, this.#summary)) return
    if (frame.type === "received") this.#outcome ??= { type: "confirmed" }
    else
      this.fail(new CommandError("FAILED", `the other side did not take it: ${frame.reason}; send it again`))
  }

  /** Ends the transfer, unless it has an outcome. */
  fail(error: unknown): void {
    this.#outcome ??= { type: "failed", error }
    this.#changes.notify()
  }
}
