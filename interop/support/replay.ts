import { type Bytes, toHex, utf8 } from "@smpkit/codec"
import { dh, PrivateKey } from "@smpkit/crypto"
import { Agent, type AgentEvent } from "@smpkit/agent"
import { type BrokerMessage, parseBrokerMessage } from "@smpkit/smp"
import { FakeClock, settle, type Vector } from "@smpkit/testkit"
import { describeEvent, expectedEvents } from "./events.ts"
import { Contents } from "./contents.ts"
import { deliveryOf } from "./delivery.ts"
import type { Followed } from "./follow.ts"
import type { Recording } from "./recording.ts"
import { blocksOf, type Replayed, type ReplayedCommand, type ReplayPlan } from "./replay-plan.ts"
import { type Arrived, ReplayServer } from "./replay-server.ts"
import { recordedRandom, seededStore } from "./seed.ts"

const untaken = new Set(["PING"])

/** Opens an agent on a store made from recorded state, replays what the server said and the application did, and collects what the agent does. */
export class Replay {
  readonly #recording: Recording
  readonly #followed: Followed
  readonly #plan: ReplayPlan
  readonly #server: ReplayServer
  readonly #clock = new FakeClock()
  readonly #events: AgentEvent[] = []
  readonly #commands: ReplayedCommand[] = []
  readonly #corrIds = new Map<string, Arrived>()
  readonly #messageIds = new Map<string, number>()
  readonly #log: Arrived[] = []
  /** Steps that came before their place. */
  readonly #done = new Set<Vector>()
  readonly #later: Promise<unknown>[] = []
  readonly #contents: Contents
  /** For the next queue: filled when it is asked for. */
  readonly #queueKeys: (Bytes | undefined)[] = []
  /** Secrets of queues that were made here, with the server. */
  readonly #serverSecrets = new Map<string, Bytes>()
  #newQueue: Arrived | undefined
  #failure: Error | undefined

  private constructor(recording: Recording, followed: Followed, plan: ReplayPlan) {
    this.#recording = recording
    this.#followed = followed
    this.#plan = plan
    this.#server = new ReplayServer(recording)
    const { reader } = plan
    const session = reader && recording.partyAt(reader.conn, reader.at).session
    this.#contents = new Contents(recording, followed, session, (senderId, key) => {
      this.#server.setKey(senderId, key)
    })
  }

  static async run(recording: Recording, followed: Followed, plan: ReplayPlan): Promise<Replayed> {
    return await new Replay(recording, followed, plan).#run()
  }

  async #run(): Promise<Replayed> {
    const { agent: name, from, to } = this.#plan
    const parties = this.#recording.partiesAt(name.replace(/\d$/, ""), from)
    const random = recordedRandom(this.#recording, parties, this.#queueKeys)
    const store = await seededStore(this.#recording, parties, random, this.#plan.seed)
    const agent = await Agent.open({
      store,
      connector: this.#server,
      clock: this.#clock,
      random,
      servers: [this.#recording.server],
      // The reference waits for the answer to each SEND.
      options: { sendWindow: 1 },
    })
    const reading = this.#read(agent)
    if (this.#plan.subscribes !== true) {
      for (const _ of parties) await this.#acceptSubscription()
      if (parties.length > 0) await this.#until("serverUp", () => this.#events.length > 0)
      this.#events.length = 0
    }
    for (const step of this.#recording.steps.slice(from + 1, to + 1)) await this.#step(agent, step)
    await this.#until("the events that are left", () => false, 20).catch(() => undefined)
    await Promise.all(this.#later)
    // Of a connection that was made here, the recording cannot tell.
    const isOurs = (event: AgentEvent): boolean => parties.length === 0 && event.type === "serverUp"
    const events = this.#events.filter((event) => !isOurs(event)).map((event) => describeEvent(event))
    await agent.close()
    await reading
    if (this.#failure !== undefined) throw this.#failure
    return {
      events,
      expectedEvents: expectedEvents(this.#recording, this.#plan, (conn, id) =>
        this.#messageIds.get(`${conn} ${id}`),
      ),
      commands: this.#commands,
      extra: this.#server.arrived.map(({ command }) => command.type).filter((type) => !untaken.has(type)),
      blocks: blocksOf(this.#log),
    }
  }

  async #read(agent: Agent): Promise<void> {
    try {
      for await (const event of agent.events()) this.#events.push(event)
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
    }
  }

  async #acceptSubscription(): Promise<void> {
    const arrived = await this.#take("a subscription", ({ command }) => command.type === "SUB")
    const sok: BrokerMessage =
      arrived.session.version < 17 ? { type: "OK" } : { type: "SOK", serviceId: undefined }
    arrived.session.push(arrived.corrId, arrived.entityId, sok)
  }

  async #step(agent: Agent, step: Vector): Promise<void> {
    const { agent: name } = this.#plan
    const own = step.has("dir") ? this.#recording.agentOf(step) : step.find("agent")?.text()
    if (own !== name || this.#done.has(step)) return
    if (step.has("app")) await this.#app(agent, step.at("app").text())
    else if (step.has("event")) await this.#event(step.at("event"))
    else if (step.find("dir")?.text() === "C>S") await this.#command(step)
    else if (step.find("dir")?.text() === "S>C") this.#answer(step)
  }

  async #app(agent: Agent, text: string): Promise<void> {
    const [verb = "", connectionId = "", third = "", ...words] = text.split(" ")
    const info = utf8(words.join(" "))
    switch (verb) {
      case "allow": {
        const { confirmationId } = await this.#eventOf("confirmation", connectionId, 0)
        await agent.allowConnection({ connectionId, confirmationId, info })
        return
      }
      case "accept": {
        const { connectionId: address, requestId } = await this.#firstRequest()
        await agent.acceptContact({ connectionId: address, requestId, info })
        return
      }
      case "join":
        // It resolves when the server has answered.
        this.#later.push(agent.joinConnection({ link: connectionId, info }))
        return
      case "send": {
        const { messageId } = await agent.sendMessage({ connectionId, body: info })
        this.#messageIds.set(connectionId, messageId)
        return
      }
      case "ack": {
        const at = this.#recording.messageNumber(connectionId, Number(third), this.#plan.from)
        // A receipt needs no acknowledgement of the application here.
        if (at === undefined) return
        const { messageId } = await this.#eventOf("message", connectionId, at)
        // It resolves with the record that the answer to ACK brings.
        this.#later.push(agent.acknowledgeMessage({ connectionId, messageId, receipt: words[0] === "rcpt" }))
        return
      }
      case "switch":
        this.#queueKeys.push(...(this.#plan.queueKeys ?? []))
        // It resolves when the server has answered.
        this.#later.push(agent.switchQueue({ connectionId }))
        return
      case "del":
        await agent.deleteConnection({ connectionId })
        return
      default:
        // `start`, `suball`: opening is both. `suspend`: not in our interface.
        return
    }
  }

  async #firstRequest(): Promise<Extract<AgentEvent, { readonly type: "contactRequest" }>> {
    const found = (): AgentEvent | undefined => this.#events.find(({ type }) => type === "contactRequest")
    await this.#until("a request", () => found() !== undefined)
    const event = found()
    if (event?.type !== "contactRequest") throw new Error("no request")
    return event
  }

  async #event(event: Vector): Promise<void> {
    const conn = event.find("conn")?.text() ?? ""
    if (event.find("resp")?.text() === "send") {
      const messageId = this.#messageIds.get(conn)
      if (messageId !== undefined) this.#messageIds.set(`${conn} ${event.at("msgId").number()}`, messageId)
    }
    if (event.find("ev")?.text() === "DISCONNECT") this.#server.drop()
    await settle()
  }

  async #command(step: Vector): Promise<void> {
    const tag = step.at("tag").text()
    if (tag === "OFF") return
    const entityId = step.at("entityId").text()
    await settle(10)
    if (!this.#server.arrived.some(({ command }) => command.type === tag)) await this.#earlyAck(step)
    const before = this.#clock.now()
    const arrived = await this.#take(
      step.path,
      (one) => one.command.type === tag && toHex(one.entityId) === entityId,
    )
    this.#corrIds.set(step.at("corrId").text(), arrived)
    if (tag === "NEW") this.#newQueue = arrived
    this.#commands.push({
      step: `${step.path} ${tag}`,
      ours: this.#contents.ours(arrived, step),
      recorded: this.#contents.recorded(step),
      waitedMs: this.#clock.now() - before,
    })
  }

  /** An ACK has no fixed place (agent-protocol.md, "Fast handshake"); ours comes before what its message leads to, the reference's after it. */
  async #earlyAck(before: Vector): Promise<void> {
    const ack = this.#server.arrived.find(({ command }) => command.type === "ACK")
    const steps = this.#recording.steps.slice(before.at("i").number())
    const recorded = steps.find(
      (step) => ack !== undefined && step.find("command")?.text() === toHex(ack.bytes),
    )
    if (recorded === undefined || recorded === before) return
    const corrId = recorded.at("corrId").text()
    const answer = steps.find(
      (one) => one.find("dir")?.text() === "S>C" && one.at("corrId").text() === corrId,
    )
    if (answer?.at("tag").text() !== "OK") return
    await this.#command(recorded)
    this.#answer(answer)
    this.#done.add(recorded).add(answer)
  }

  #answer(step: Vector): void {
    const corrId = step.at("corrId").text()
    const arrived = this.#corrIds.get(corrId)
    const entityId = step.at("entityId").bytes()
    if (corrId !== "" && arrived === undefined) return
    const message = step.has("msg")
      ? deliveryOf(this.#recording, this.#followed.bodies, step, this.#serverSecrets.get(toHex(entityId)))
      : parseBrokerMessage(this.#recording.version(step), step.at("command").bytes())
    if (message.type === "IDS") this.#made(message)
    const session = arrived?.session ?? this.#server.subscriber(entityId)
    session.push(arrived?.corrId ?? new Uint8Array(0), entityId, message)
  }

  /** A queue that the agent made: its key towards the server is its own. */
  #made({ recipientId }: Extract<BrokerMessage, { readonly type: "IDS" }>): void {
    const { command, session } = this.#newQueue ?? {}
    const queue = this.#recording.queues().find((one) => one.at("recipientId").text() === toHex(recipientId))
    if (command?.type !== "NEW" || session === undefined || queue === undefined) return
    this.#server.subscribe(recipientId, session)
    const key = new PrivateKey("x25519", queue.at("serverDhPrivate").bytes())
    this.#serverSecrets.set(toHex(recipientId), dh(key, command.dhKey))
  }

  async #take(what: string, wanted: (arrived: Arrived) => boolean): Promise<Arrived> {
    const at = (): number => this.#server.arrived.findIndex(wanted)
    await this.#until(what, () => at() >= 0)
    const [arrived] = this.#server.arrived.splice(at(), 1)
    if (arrived === undefined) throw new Error("nothing arrived")
    this.#log.push(arrived)
    return arrived
  }

  async #eventOf<T extends AgentEvent["type"]>(
    type: T,
    connectionId: string,
    at: number,
  ): Promise<Extract<AgentEvent, { readonly type: T }>> {
    const found = (): Extract<AgentEvent, { readonly type: T }> | undefined =>
      this.#events.filter(
        (e): e is Extract<AgentEvent, { readonly type: T }> =>
          e.type === type && "connectionId" in e && e.connectionId === connectionId,
      )[at]
    await this.#until(`event ${type} ${at}`, () => found() !== undefined)
    const event = found()
    if (event === undefined) throw new Error("no event")
    return event
  }

  /** Waits, and lets time go on while nothing happens: receipts are delayed, lost connections are made again after a while. */
  async #until(what: string, done: () => boolean, seconds = 20): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (let turn = 0; turn < 10; turn++) {
        if (done()) return
        if (this.#failure !== undefined) throw this.#failure
        await settle(1)
      }
      await this.#clock.advance(500)
    }
    const came = this.#server.arrived.map(({ command }) => command.type).join(" ")
    throw new Error(`waited in vain for ${what}; what came instead: ${came}`)
  }
}
