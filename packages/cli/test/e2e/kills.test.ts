import { once } from "node:events"
import { describe, expect, test } from "vitest"
import { Workshop } from "./processes.ts"
import { connect, RpcAgent, type RpcEvent } from "./rpc-agent.ts"

const count = process.env["SLOW"] === "1" ? 1000 : 150

/** A program that talks through an agent process, which may be killed and started again under its hands. */
class Talker {
  readonly name: string
  readonly #workshop: Workshop
  readonly #address: string
  agent: RpcAgent
  #died: Promise<undefined>
  /** Texts in the order in which they were first shown. */
  readonly texts: string[] = []
  /** Ids that `sendMessage` answered, and those whose receipt came. */
  readonly accepted = new Set<number>()
  readonly delivered = new Set<number>()
  readonly #acknowledged = new Set<number>()
  /** Texts whose `sendMessage` was never answered: the agent may have stored them, and they are given to it once more. */
  readonly unanswered = new Set<string>()
  readonly faults: string[] = []

  constructor(workshop: Workshop, name: string, address: string) {
    this.name = name
    this.#workshop = workshop
    this.#address = address
    this.agent = this.#start()
    this.#died = diedOf(this.agent)
  }

  #start(): RpcAgent {
    return new RpcAgent(
      this.#workshop.start(["agent", ...this.#workshop.as(this.name), "--server", this.#address]),
    )
  }

  async killAndStart(connectionId: string): Promise<void> {
    this.agent.child.kill("SIGKILL")
    await once(this.agent.child, "close")
    this.agent = this.#start()
    this.#died = diedOf(this.agent)
    this.listen(connectionId)
  }

  /** `undefined` when the agent died before it answered. */
  async #call<T>(agent: RpcAgent, method: string, params: object): Promise<T | undefined> {
    const died = agent === this.agent ? this.#died : Promise.resolve(undefined)
    return await Promise.race([agent.call<T>(method, params), died])
  }

  listen(connectionId: string): void {
    const agent = this.agent
    void this.#take(agent, connectionId)
    void this.#collect(agent)
  }

  async #take(agent: RpcAgent, connectionId: string): Promise<void> {
    for (;;) {
      const event = await agent.event("message")
      this.#note(event)
      const messageId = Number(event["messageId"])
      const answer = await this.#call(agent, "acknowledgeMessage", { connectionId, messageId })
      if (answer === undefined) return
      this.#acknowledged.add(messageId)
    }
  }

  #note(event: RpcEvent): void {
    const text = String(event["text"])
    const id = Number(event["messageId"])
    const integrity = event["integrity"] as { readonly type: string }
    if (integrity.type !== "ok") this.faults.push(`${text}: ${JSON.stringify(integrity)}`)
    if (this.#acknowledged.has(id)) this.faults.push(`${text} came again after it was acknowledged`)
    if (!this.texts.includes(text)) this.texts.push(text)
    else if (event["redelivered"] !== true) this.again.push(text)
  }

  /** Texts that came once more as another message. */
  readonly again: string[] = []

  async #collect(agent: RpcAgent): Promise<void> {
    for (;;) this.delivered.add(Number((await agent.event("delivered"))["messageId"]))
  }

  /** Sends `count` texts, one after another; a text whose answer never came is sent again by the next process. */
  async talk(connectionId: string, progress: (sent: number) => void): Promise<void> {
    for (let i = 0; i < count; i++) {
      const text = `${this.name} ${i}`
      for (;;) {
        const agent = this.agent
        const answer = await this.#call<{ messageId: number }>(agent, "sendMessage", { connectionId, text })
        if (answer !== undefined) {
          this.accepted.add(answer.messageId)
          break
        }
        this.unanswered.add(text)
        await until(() => this.agent !== agent)
      }
      progress(i + 1)
    }
  }
}

function diedOf(agent: RpcAgent): Promise<undefined> {
  return once(agent.child, "close").then(() => undefined)
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe(`two agents and a server, each a process: ${count} messages each way, in order, none lost, receipts for all`, () => {
  test.each(["nobody", "the server", "alice", "bob"])(
    "while kill -9 ends %s, twice",
    async (victim) => {
      await using workshop = await Workshop.open()
      let server = await workshop.server()
      const alice = new Talker(workshop, "alice", server.address)
      const bob = new Talker(workshop, "bob", server.address)
      const ids = await connect(alice.agent, bob.agent)
      alice.listen(ids.alice)
      bob.listen(ids.bob)

      const kill = async (): Promise<void> => {
        if (victim === "the server") {
          server.child.kill("SIGKILL")
          await once(server.child, "close")
          server = await workshop.server()
        }
        if (victim === "alice") await alice.killAndStart(ids.alice)
        if (victim === "bob") await bob.killAndStart(ids.bob)
      }
      // One after the other: the second one meets a server that has come back.
      let kills = Promise.resolve()
      const progress = (sent: number): void => {
        if (sent === Math.floor(count / 3) || sent === Math.floor((2 * count) / 3)) kills = kills.then(kill)
      }
      await Promise.all([alice.talk(ids.alice, progress), bob.talk(ids.bob, () => undefined)])
      await kills
      for (const [sender, receiver] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        await until(() => receiver.texts.length === count)
        await until(() => [...sender.accepted].every((id) => sender.delivered.has(id)))
        expect(receiver.texts).toEqual(Array.from({ length: count }, (_, i) => `${sender.name} ${i}`))
        expect(receiver.faults).toEqual([])
        expect(receiver.again.filter((text) => !sender.unanswered.has(text))).toEqual([])
        expect(sender.accepted.size).toBe(count)
      }
    },
    180_000,
  )
})
