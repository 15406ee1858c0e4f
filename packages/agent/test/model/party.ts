import { type Bytes, decode, encode, toBase64Url, u32 } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import { settle } from "@smpkit/testkit"
import { type SmpSession, TransportError } from "@smpkit/transport"
import { Agent, type AgentEvent, memoryRawStore, type RawStore, type SealedStore } from "../../src/index.ts"
import { isAgentError } from "../../src/errors.ts"
import { tables } from "../../src/records.ts"
import { openStore } from "../scenario/world.ts"
import { Interference } from "./adversary.ts"
import { History, type Step } from "./history.ts"
import {
  answeredRatchetOf,
  headsOf,
  itemsOf,
  keyOf,
  Letter,
  ratchetOf,
  watched,
  type Write,
} from "./letters.ts"
import type { World } from "./world.ts"

const never = new Promise<never>(() => undefined)
const marker = { table: "model", key: "step" }

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : "something that is no error"
}

/** A run of an agent: from power on to power off. */
interface Run {
  on: boolean
  agent: Agent | undefined
  readonly sessions: SmpSession[]
}

/** One side: a machine that loses its power and its network, the agent on it, and an application that does its part whatever happens. */
export class Party {
  readonly name: string
  readonly world: World
  readonly interference: Interference = new Interference()
  readonly history: History = new History()
  #disk: RawStore = memoryRawStore()
  #copy: RawStore | undefined
  #isCopy = false
  #run: Run = { on: false, agent: undefined, sessions: [] }
  #steps = 0
  /** What each message to the other side says. */
  readonly texts = new Map<number, string>()
  /** What `sendMessage` is called with now. */
  writing: string | undefined
  #secrets = new Map<string, Bytes>()
  cutUntil = 0
  crashIn: number | undefined
  crashWhen: "before" | "after" = "before"
  connectionId: string | undefined
  link: string | undefined
  connected = false
  closed: string | undefined
  /** The application answers messages only when it is true. */
  reading = true
  readonly #unanswered: { readonly messageId: number; readonly answer: () => Promise<void> }[] = []
  restored = false
  restarted = false
  /** Messages by the application's number whose `sendMessage` has resolved; what became of them. */
  readonly fates = new Map<number, "stored" | "sent" | "failed">()
  readonly delivered = new Set<number>()
  lastSaid = 0
  readonly violations: string[] = []

  constructor(name: string, world: World) {
    this.name = name
    this.world = world
  }

  get other(): Party {
    const [one, two] = this.world.parties
    return this === one ? two : one
  }

  get agent(): Agent | undefined {
    return this.#run.on ? this.#run.agent : undefined
  }

  learn(secret: Bytes): void {
    this.#secrets.set(toBase64Url(secret), new Uint8Array(secret))
  }

  get secrets(): Iterable<Bytes> {
    return [...this.#secrets.values()].reverse()
  }

  async start(): Promise<void> {
    if (this.#run.on) return
    const run: Run = { on: true, agent: undefined, sessions: [] }
    this.#run = run
    const store = await this.#whileOn(run, this.#opened(run))
    if (store === undefined) return
    const mark = store.get(marker.table, marker.key)
    this.history.backTo(mark === undefined ? 0 : decode(u32, mark), this.#isCopy)
    this.#isCopy = false
    this.#watch(store, run)
    const opening = Agent.open({
      store,
      clock: this.world.clock,
      random: this.world.random,
      // Short, so that a lost handshake ends soon.
      options: { noAnswerMs: 2 * 3600_000 },
      servers: this.world.serversOf(this).map(({ address }) => address),
      connector: {
        connect: async (address) => {
          const server = this.world.servers.find(({ address: { hosts } }) => hosts[0] === address.hosts[0])
          if (!run.on || this.cutUntil > this.world.clock.now() || server === undefined)
            throw new TransportError("NETWORK", "no network")
          const session = await server.connect()
          run.sessions.push(session)
          return session
        },
      },
    })
    const agent = await this.#whileOn(run, opening)
    if (agent === undefined) return
    run.agent = agent
    void this.#read(agent, run)
  }

  async #opened(run: Run): Promise<SealedStore> {
    const store = await openStore(this.#wired(run), this.world.random)
    if (this.#isCopy) await store.markRestored()
    return store
  }

  /** What `work` comes to; `undefined` when the power goes first. */
  async #whileOn<T>(run: Run, work: Promise<T>): Promise<T | undefined> {
    let result: { readonly value: T } | undefined
    let failure: { readonly error: unknown } | undefined
    work.then(
      (value) => {
        result = { value }
      },
      (error: unknown) => {
        failure = { error }
      },
    )
    for (let idle = 0; run.on && result === undefined && failure === undefined; idle++) {
      // Something waits for time to go on: a server that does not answer, or an application's own lock.
      if (idle > 20) await this.world.clock.advance(Math.min(5000, this.world.clock.untilNext ?? 5000))
      else await settle(1)
    }
    if (failure !== undefined && run.on) throw failure.error
    return run.on ? result?.value : undefined
  }

  #wired(run: Run): RawStore {
    const disk = this.#disk
    return {
      get: (key) => disk.get(key),
      scan: (prefix) => disk.scan(prefix),
      commit: async (changes, expected) => {
        if (!run.on) return await never
        const crash = this.crashIn !== undefined && this.crashIn-- <= 0
        if (!crash || this.crashWhen === "after") await disk.commit(changes, expected)
        if (!crash) return
        this.crash()
        await never
      },
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve()
      },
    }
  }

  /** Tells the model what each transaction does. */
  #watch(store: SealedStore, run: Run): void {
    const update = store.update.bind(store)
    store.update = (f) => {
      const number = ++this.#steps
      const writes: Write[] = []
      const done = update((tx) => {
        watched(f, writes)(tx)
        tx.put(marker.table, marker.key, encode(u32, number))
      })
      if (run.on) this.#observe(number, writes)
      return done
    }
  }

  #observe(number: number, writes: readonly Write[]): void {
    const { history } = this
    const ratchet = ratchetOf(writes) ?? answeredRatchetOf(writes)
    const sealed: Letter[] = []
    for (const item of itemsOf(this, writes)) {
      const key = item.type === "draft" ? toBase64Url(sha256(item.body)) : keyOf(this.secrets, item.body)
      if (key === undefined) throw new Error(`${this.name}: an item in an unknown box`)
      const known = this.world.letters.get(key)
      const previous = sealed.at(-1) ?? history.lastSealed
      // A copy of what was sent before, or a draft that is complete now.
      if (previous !== undefined && item.sndMsgId <= previous.number) {
        this.world.letters.set(key, known ?? previous)
        continue
      }
      // What a crash took back may be made again as it was.
      if (known?.number === item.sndMsgId) {
        sealed.push(known)
        continue
      }
      const { messageId } = item
      if (messageId !== undefined && this.writing !== undefined) this.texts.set(messageId, this.writing)
      const more = {
        key,
        previous,
        ratchet: item.type === "AgentRatchetKey" ? "" : (ratchet ?? history.ratchet),
        text: messageId === undefined ? undefined : this.texts.get(messageId),
      }
      const letter = new Letter(this, item, more)
      this.world.letters.set(key, letter)
      sealed.push(letter)
    }
    const head = headsOf(writes).find((id) => !history.has(id))
    const letter = head === undefined ? undefined : this.world.letterAt(head)
    const opened = writes.some(({ table }) => table === tables.session.name || table === tables.incoming.name)
    const taken: Step["taken"] =
      head === undefined || letter === undefined
        ? undefined
        : { letter, smpMsgId: head, opened, entry: undefined, report: undefined }
    history.add({ number, sealed, taken, ratchet })
    if (taken !== undefined)
      this.world.log(`${this.name} takes ${taken.letter.name}${opened ? "" : " unopened"}`)
  }

  crash(): void {
    if (!this.#run.on) return
    this.world.log(`${this.name} crashes`)
    this.crashIn = undefined
    this.#run.on = false
    this.restarted = true
    this.#unanswered.length = 0
    for (const session of this.#run.sessions) void session.close()
  }

  /** The network goes, for a while. */
  cut(ms: number): void {
    this.cutUntil = this.world.clock.now() + ms
    for (const session of this.#run.sessions) void session.close()
  }

  /** Copies the disk, as a backup. A copy from a handshake leads nowhere: what it waits for has come. */
  async backUp(): Promise<void> {
    if (!this.connected) return
    const copy = memoryRawStore()
    const all = [...this.#disk.scan(new Uint8Array(0))]
    await copy.commit(all.map(({ key, value }) => ({ type: "put", key, value })))
    this.#copy = copy
  }

  /** A queue moves: a copy from before would know the wrong one. */
  forgetCopy(): void {
    this.#copy = undefined
  }

  /** The disk is lost, and the copy takes its place. */
  restore(): void {
    if (this.#copy === undefined) return
    this.crash()
    this.world.log(`${this.name} comes back from a copy`)
    this.#disk = this.#copy
    this.#copy = undefined
    this.#isCopy = true
    this.restored = true
  }

  async #read(agent: Agent, run: Run): Promise<void> {
    try {
      for await (const event of agent.events()) {
        if (!run.on) return
        await this.#on(agent, event, run)
      }
    } catch (error) {
      this.violations.push(`the agent stopped: ${textOf(error)}`)
    }
  }

  async #on(agent: Agent, event: AgentEvent, run: Run): Promise<void> {
    switch (event.type) {
      case "confirmation":
        this.world.log(`${this.name} hears confirmation`)
        await this.#whileRunning(run, agent.allowConnection(event), ["PROHIBITED", "NOT_FOUND"])
        return
      case "connected":
        this.connected = true
        return
      case "message":
        this.#message(agent, event, run)
        return
      case "sent":
        this.#sent(event.messageId)
        return
      case "delivered":
        this.#deliveredEvent(event)
        return
      case "failed":
        this.world.log(`${this.name} hears failed ${event.code}`)
        this.#failed(event.messageId, event.code)
        return
      case "closed":
        this.world.log(`${this.name} hears closed ${event.code}: ${event.message}`)
        this.closed = event.code
        return
      case "error":
        this.world.log(`${this.name} hears error ${event.code}: ${event.message}`)
        this.#error(event.code, event.message)
        return
      case "ratchetSync":
        this.world.log(`${this.name} hears ratchetSync ${event.state}`)
        return
      case "queueSwitched":
        this.world.log(`${this.name} hears queueSwitched ${event.direction} ${event.phase}`)
        return
      default:
        return
    }
  }

  /** Waits in the background of events, which go on. */
  async #whileRunning(run: Run, work: Promise<unknown>, allowed: readonly string[]): Promise<void> {
    await Promise.race([
      work.catch((error: unknown) => {
        if (!run.on || (isAgentError(error) && [...allowed, "CLOSED"].includes(error.code))) return
        throw error
      }),
      this.#end(run),
    ])
  }

  async #end(run: Run): Promise<void> {
    while (run.on) await settle(1)
  }

  #message(agent: Agent, event: AgentEvent & { readonly type: "message" }, run: Run): void {
    const { entries } = this.history
    const text = event.text ?? "?"
    this.world.log(
      `${this.name} is shown "${text}" ${JSON.stringify(event.integrity)}${event.redelivered ? " again" : ""}`,
    )
    const entry = event.redelivered
      ? entries.find((one) => one.letter.text === text && one.acknowledgedAt === undefined)
      : entries.find(({ shown }) => shown === 0)
    if (entry === undefined || entry.letter.text !== text) {
      this.violations.push(`"${text}" came where "${entry?.letter.text ?? "nothing"}" was due`)
      return
    }
    entry.shown++
    if (JSON.stringify(entry.integrity) !== JSON.stringify(event.integrity))
      this.violations.push(
        `"${text}" is ${JSON.stringify(event.integrity)}, not ${JSON.stringify(entry.integrity)}`,
      )
    const answer = async (): Promise<void> => {
      await this.#whileRunning(
        run,
        agent.acknowledgeMessage({ ...event, receipt: true }).then(() => {
          entry.acknowledgedAt = this.#steps
        }),
        ["NOT_FOUND"],
      )
    }
    entry.letter.answered = true
    if (this.reading) void answer().catch(this.#unexpected)
    else this.#unanswered.push({ messageId: event.messageId, answer })
  }

  readonly #unexpected = (error: unknown): void => {
    this.violations.push(`unexpected: ${textOf(error)}`)
  }

  /** The application goes on with what it has read. */
  read(): void {
    this.reading = true
    for (const { answer } of this.#unanswered.splice(0)) void answer().catch(this.#unexpected)
  }

  #letter(messageId: number): Letter | undefined {
    return [...this.world.letters.values()]
      .reverse()
      .find((one) => one.from === this && one.messageId === messageId)
  }

  #sent(messageId: number): void {
    const letter = this.#letter(messageId)
    if (letter?.accepted !== true) this.violations.push(`sent: message ${messageId} was kept by no server`)
    if (this.fates.get(messageId) === "failed") this.violations.push(`sent after failed: ${messageId}`)
    this.fates.set(messageId, "sent")
  }

  #deliveredEvent({ messageId, hashOk }: { readonly messageId: number; readonly hashOk: boolean }): void {
    const letter = this.#letter(messageId)
    if (!hashOk && !this.restored) this.violations.push(`delivered with a wrong hash: ${messageId}`)
    if (hashOk && letter?.answered !== true)
      this.violations.push(`delivered: message ${messageId} was not shown`)
    if (hashOk) this.delivered.add(messageId)
  }

  #failed(messageId: number, code: string): void {
    const letter = this.#letter(messageId)
    if (letter?.accepted === true && !this.restored)
      this.violations.push(`failed ${code}: a server has kept ${letter.name}`)
    if (this.fates.get(messageId) === "sent") this.violations.push(`failed after sent: ${messageId}`)
    this.fates.set(messageId, "failed")
  }

  #error(code: string, message: string): void {
    // A move that comes to nothing says so; what belongs to one that was given up is refused.
    if (code === "SWITCH_FAILED" || code === "A_QUEUE") return
    // So does the other side's wish for new keys, which `ratchetSync` tells as well.
    if (message.includes("asks for new keys") || message.includes("begun a re-synchronisation")) return
    const reports = this.history.reports.filter((one) => one.code === code && message.includes(one.text))
    const report = reports.find(({ heard }) => heard === 0) ?? (this.restarted ? reports.at(-1) : undefined)
    if (report !== undefined) {
      report.heard++
      return
    }
    // Refused at the server's, new keys that come too often, and items of service that were denied.
    if (this.world.excused.has(code)) return
    this.violations.push(`error ${code}: ${message}`)
  }

  /** One call of the application; `undefined` when the power went meanwhile. Codes in `allowed` come to nothing. */
  async call<T>(f: (agent: Agent) => Promise<T>, allowed: readonly string[] = []): Promise<T | undefined> {
    const run = this.#run
    const agent = this.agent
    if (agent === undefined) return undefined
    try {
      return await this.#whileOn(run, f(agent))
    } catch (error) {
      if (isAgentError(error) && [...allowed, "NETWORK", "TIMEOUT"].includes(error.code)) {
        this.world.log(`${this.name} is refused ${error.code}: ${error.message}`)
        return undefined
      }
      throw error
    }
  }

  /** Sends a text; whether the agent has taken it. */
  async send(text: string): Promise<boolean> {
    const { connectionId } = this
    if (connectionId === undefined || this.closed !== undefined) return false
    const result = await this.call(
      async (agent) => {
        this.writing = text
        const sending = agent.sendMessage({ connectionId, text })
        this.writing = undefined
        return await sending
      },
      ["NOT_CONNECTED", "SEND_LOCKED", "NOT_FOUND", "POST_QUANTUM"],
    )
    if (result === undefined) return false
    this.world.log(`${this.name} sends "${text}"`)
    this.lastSaid = result.messageId
    if (!this.fates.has(result.messageId)) this.fates.set(result.messageId, "stored")
    return true
  }

  async state(): Promise<{ readonly ratchet: string; readonly status: string } | undefined> {
    const { connectionId } = this
    if (connectionId === undefined || this.closed !== undefined) return undefined
    return await this.call((agent) => agent.connectionState({ connectionId }), ["NOT_FOUND"])
  }

  async synchronize(force: boolean): Promise<void> {
    const { connectionId } = this
    if (connectionId === undefined || this.closed !== undefined) return
    this.world.log(`${this.name} synchronizes`)
    await this.call(
      (agent) => agent.synchronizeRatchet({ connectionId, force }),
      ["PROHIBITED", "NOT_CONNECTED", "NOT_FOUND"],
    )
  }

  async move(): Promise<void> {
    const { connectionId } = this
    if (connectionId === undefined || this.closed !== undefined) return
    this.world.log(`${this.name} moves its queue`)
    for (const party of this.world.parties) party.forgetCopy()
    await this.call(
      (agent) => agent.switchQueue({ connectionId }),
      ["PROHIBITED", "NOT_CONNECTED", "SEND_LOCKED", "NO_SERVER", "NOT_FOUND", "CLOSED"],
    )
  }

  /** Closes the agent, to be opened again. */
  async restart(): Promise<void> {
    const run = this.#run
    const { agent } = run
    if (!run.on || agent === undefined) return
    this.world.log(`${this.name} closes`)
    this.restarted = true
    this.#unanswered.length = 0
    await this.#whileOn(run, agent.close())
    run.on = false
  }

  async close(): Promise<void> {
    if (this.#run.on) await this.agent?.close()
    this.#run.on = false
  }
}
