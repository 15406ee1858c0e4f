import { type Bytes, toBase64Url } from "@smpkit/codec"
import type { BrokerMessage, Command } from "@smpkit/smp"
import { FakeServer } from "../scenario/fake-server.ts"
import type { Letter } from "./letters.ts"
import type { World } from "./world.ts"

type Session = Parameters<FakeServer["handle"]>[0]
type Request = Parameters<FakeServer["handle"]>[1]
type Queue = FakeServer["queues"][number]

/** A letter on its way to a queue, in the adversary's hand. */
interface Held {
  readonly letter: Letter
  readonly queue: Queue
  readonly body: Bytes
}

/** In which order, and how often, what was held goes on. */
export type Release =
  "in order" | "first last" | "reversed" | "first twice" | "without the first" | "without the last"

/** What the adversary does to all letters for one person, on whatever server. */
export class Interference {
  /** So many letters from now on are accepted and thrown away. */
  lose = 0
  /** So many are refused at their first attempt. */
  deny = 0
  holding = false
  readonly held: Held[] = []
  /** All that were ever accepted, to be repeated. */
  readonly seen: Held[] = []

  release(how: Release): void {
    this.holding = false
    const all = this.held.splice(0)
    const [first] = all
    const last = all.at(-1)
    if (first === undefined || last === undefined) return
    const order: Readonly<Record<Release, readonly Held[]>> = {
      "in order": all,
      "first last": [...all.slice(1), first],
      reversed: all.toReversed(),
      "first twice": [first, ...all, first],
      "without the first": all.slice(1),
      "without the last": all.slice(0, -1),
    }
    for (const one of order[how]) one.letter.put(one.queue, one.body)
  }

  /** One that was accepted before comes again. */
  repeat(pick: number): void {
    const one = this.seen[pick % Math.max(1, this.seen.length)]
    one?.letter.put(one.queue, one.body)
  }

  stop(): void {
    this.lose = this.deny = 0
    this.release("in order")
  }
}

const auth: BrokerMessage = { type: "ERR", error: { type: "AUTH" } }

/** A server that does with messages what an adversary who runs it can do. */
export class AdversaryServer extends FakeServer {
  readonly #world: World
  /** The next command of this type is executed, and its answer lost with the session. */
  loseAnswer: Command["type"] | undefined
  /** The next command of this type is never executed nor answered. */
  silence: Command["type"] | undefined

  constructor(name: string, world: World, quota: number) {
    super(name, { random: world.random, clock: world.clock, quota })
    this.#world = world
  }

  override handle(session: Session, request: Request): BrokerMessage | undefined {
    const { command, entityId } = request
    if (this.silence === command.type) {
      this.silence = undefined
      return undefined
    }
    const answer =
      command.type === "SEND"
        ? this.#send(command.body, entityId, session, request)
        : super.handle(session, request)
    if (this.loseAnswer !== command.type) return answer
    this.loseAnswer = undefined
    session.end({ type: "error", code: "NETWORK", message: "dropped" })
    return undefined
  }

  #send(body: Bytes, senderId: Bytes, session: Session, request: Request): BrokerMessage | undefined {
    const queue = this.queues.find((one) => toBase64Url(one.senderId) === toBase64Url(senderId))
    const letter = this.#world.letterOf(body)
    if (queue === undefined || letter === undefined) return super.handle(session, request)
    const { interference } = letter.to
    // What has been accepted once is not refused later: nobody could tell the truth about it.
    if (interference.deny > 0 && !letter.accepted) {
      interference.deny--
      letter.denied = true
      return auth
    }
    const one = { letter, queue, body }
    if (interference.lose > 0) {
      interference.lose--
      this.#world.log(`lost ${letter.name}`)
      letter.accepted = true
      return { type: "OK" }
    }
    if (interference.holding) {
      letter.accepted = true
      interference.seen.push(one)
      interference.held.push(one)
      return { type: "OK" }
    }
    const before = queue.messages.length
    const answer = super.handle(session, request)
    if (answer?.type !== "OK" || queue.messages.length === before) return answer
    letter.accepted = true
    interference.seen.push(one)
    const stored = queue.messages.at(-1)
    if (stored !== undefined) this.#world.delivered(stored.id, letter)
    return answer
  }
}
