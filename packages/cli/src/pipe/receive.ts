import { type Bytes, toHex } from "@smpkit/codec"
import type { AgentApi, AgentEvent, MessageEvent } from "../agent-port.ts"
import { CommandError } from "../failure.ts"
import { StreamDigest } from "./digest.ts"
import { brokenEnd, decodeFrame, encodeFrame, type PipeFrame, sameTransfer } from "./frame.ts"

export interface ReceiveOptions {
  readonly agent: Pick<AgentApi, "allowConnection" | "sendMessage" | "acknowledgeMessage" | "events">
  readonly connectionId: string
  /** Writes to the output; resolves when the data was taken. Only then the message is acknowledged. */
  readonly write: (data: Bytes) => Promise<void>
  /** An earlier run wrote the beginning of a transfer: the rest of it is skipped. */
  readonly unfinished: boolean
  /** The end (in hex) of the transfer that was completed last: it can come again after a crash. */
  readonly lastEnd: string | undefined
  readonly onConnected: () => Promise<void>
  /** Before the first byte of a transfer is written. */
  readonly onBegin: () => Promise<void>
  /** After its last byte was written and checked, with its end in hex. */
  readonly onComplete: (end: string) => Promise<void>
  readonly onBroken: () => Promise<void>
  readonly onProgress: (bytes: bigint) => void
  /** Resolves when the sender's server has had time enough to take our answer. */
  readonly patience: () => Promise<void>
  readonly onNotice: (line: string) => void
}

/**
 * Receives one stream; resolves when all of it was written and its length and hash fit (docs/pipe.md). Rejects with
 * `CommandError` FAILED when they do not, or the connection closes.
 */
export async function receiveStream(options: ReceiveOptions): Promise<void> {
  const transfer = new Transfer(options)
  const events = options.agent.events()[Symbol.asyncIterator]()
  let outcome: Outcome | undefined
  while (outcome === undefined) {
    const next = await events.next()
    if (next.done === true)
      throw new CommandError("FAILED", "stopped before the end arrived: run the same command again")
    outcome = await transfer.take(next.value)
  }
  await Promise.race([transfer.answerSent(events), options.patience()])
  void events.return() // the last event was taken, too
  if (outcome.type === "broken") throw outcome.error
}

type Outcome = { readonly type: "complete" } | { readonly type: "broken"; readonly error: CommandError }

class Transfer {
  readonly #options: ReceiveOptions
  readonly #digest = new StreamDigest()
  #state: "waiting" | "receiving" | "skipping"
  #answerId: number | undefined

  constructor(options: ReceiveOptions) {
    this.#options = options
    this.#state = options.unfinished ? "skipping" : "waiting"
  }

  /** Resolves once a server has our answer; without it the other side would wait for our next run. */
  async answerSent(events: AsyncIterator<AgentEvent>): Promise<void> {
    while (this.#answerId !== undefined) {
      const next = await events.next()
      if (next.done === true) return
      this.#seeAnswer(next.value)
    }
  }

  #seeAnswer(event: AgentEvent): void {
    if ((event.type === "sent" || event.type === "failed") && event.messageId === this.#answerId)
      this.#answerId = undefined
  }

  /** The outcome, once the stream has one. */
  async take(event: AgentEvent): Promise<Outcome | undefined> {
    const { agent, connectionId, onConnected, onNotice } = this.#options
    if ("connectionId" in event && event.connectionId !== undefined && event.connectionId !== connectionId)
      return undefined
    this.#seeAnswer(event)
    switch (event.type) {
      case "confirmation":
        await agent.allowConnection({ connectionId, confirmationId: event.confirmationId })
        return undefined
      case "connected":
        await onConnected()
        return undefined
      case "message":
        return this.#message(event)
      case "closed":
        throw new CommandError("FAILED", `the connection was closed (${event.code}): ${event.message}`)
      case "error":
        onNotice(event.message)
        return undefined
      case "failed":
        onNotice(event.message)
        return undefined
      case "serverDown":
        onNotice(`no connection to ${event.server}: trying again`)
        return undefined
      case "postQuantumChanged":
        if (!event.sending) onNotice("post-quantum encryption has ended")
        return undefined
      case "ratchetSync":
        if (event.state === "agreed")
          onNotice("the keys of this connection were replaced: the security code is another one")
        return undefined
      case "serverUp":
      case "queueSwitched":
      case "contactRequest":
      case "info":
      case "sent":
      case "delivered":
        return undefined
      default:
        return event satisfies never
    }
  }

  async #message(event: MessageEvent): Promise<Outcome | undefined> {
    const frame = decodeFrame(event.body)
    if (frame === undefined) {
      this.#options.onNotice("a message that belongs to no pipe was skipped")
      await this.#acknowledge(event)
      return undefined
    }
    switch (frame.type) {
      case "chunk":
        await this.#chunk(event, frame.data)
        return undefined
      case "end":
        return this.#end(event, frame)
      case "received":
      case "refused":
        await this.#acknowledge(event) // answers to an earlier `send` on this connection
        return undefined
      default:
        return frame satisfies never
    }
  }

  async #chunk(event: MessageEvent, data: Bytes): Promise<void> {
    if (this.#state !== "skipping") {
      if (this.#state === "waiting") await this.#options.onBegin()
      this.#state = "receiving"
      await this.#options.write(data)
      this.#digest.add(data)
      this.#options.onProgress(this.#digest.length)
    }
    await this.#acknowledge(event)
  }

  async #end(event: MessageEvent, end: PipeFrame & { readonly type: "end" }): Promise<Outcome | undefined> {
    const name = toHex(encodeFrame(end))
    const isOld = event.redelivered && name === this.#options.lastEnd
    if (this.#state === "waiting" && (isOld || sameTransfer(end, brokenEnd))) {
      await this.#acknowledge(event)
      return undefined
    }
    const { length } = this.#digest
    const complete = this.#state !== "skipping" && sameTransfer(this.#digest.summary(), end)
    if (!complete) {
      const reason =
        this.#state === "skipping" ? "the receiver was interrupted" : "length or hash do not fit what arrived"
      // Whoever sent this end knows that it fits nothing.
      if (!sameTransfer(end, brokenEnd)) await this.#send({ ...end, type: "refused", reason })
      await this.#options.onBroken()
      await this.#acknowledge(event)
      if (this.#state === "skipping") {
        this.#state = "waiting"
        return undefined
      }
      const error = new CommandError(
        "FAILED",
        `what arrived is not what was sent (${length} bytes came): discard it and have it sent again`,
      )
      return { type: "broken", error }
    }
    await this.#send({ ...end, type: "received" })
    await this.#options.onComplete(name)
    await this.#acknowledge(event, true)
    return { type: "complete" }
  }

  async #send(frame: PipeFrame): Promise<void> {
    const { agent, connectionId } = this.#options
    const { messageId } = await agent.sendMessage({ connectionId, body: encodeFrame(frame) })
    this.#answerId = messageId
  }

  async #acknowledge({ messageId }: MessageEvent, receipt = false): Promise<void> {
    const { agent, connectionId } = this.#options
    await agent.acknowledgeMessage({ connectionId, messageId, receipt })
  }
}
