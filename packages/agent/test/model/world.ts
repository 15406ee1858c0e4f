import { type Bytes, toBase64Url } from "@smpkit/codec"
import { FakeClock, seededRandom } from "@smpkit/testkit"
import type { Random } from "@smpkit/crypto"
import type { PostQuantumSetting } from "../../src/index.ts"
import { AgentError } from "../../src/index.ts"
import { AdversaryServer } from "./adversary.ts"
import { keyOf, type Letter } from "./letters.ts"
import { Party } from "./party.ts"

export interface Setting {
  readonly seed: number
  /** Queues whose sender cannot set its key. */
  readonly slow: boolean
  readonly quota: number
  readonly postQuantum: PostQuantumSetting
}

/** Two agents and four servers on one clock; all chance comes from the seed. */
export class World {
  readonly clock: FakeClock = new FakeClock()
  readonly random: Random
  readonly setting: Setting
  readonly servers: readonly AdversaryServer[]
  readonly parties: readonly [Party, Party]
  readonly letters = new Map<string, Letter>()
  /** Codes of errors that what was done may have as its consequence. */
  readonly excused = new Set<string>()
  readonly events: string[] = []
  readonly #delivered = new Map<string, Letter>()

  constructor(setting: Setting) {
    this.setting = setting
    this.random = seededRandom(`model ${setting.seed}`)
    this.servers = ["one", "two", "three", "four"].map((name) => {
      const server = new AdversaryServer(`${name}.example`, this, setting.quota)
      server.slow = setting.slow
      return server
    })
    this.parties = [new Party("alice", this), new Party("bob", this)]
  }

  log(text: string): void {
    this.events.push(`${String(Math.round((this.clock.now() - Date.UTC(2026, 0, 1)) / 100) / 10)} ${text}`)
  }

  /** Alice receives at the first or third server, Bob at the second or fourth. */
  serversOf(party: Party): readonly AdversaryServer[] {
    const mine = party === this.parties[0] ? 0 : 1
    return this.servers.filter((_, at) => at % 2 === mine)
  }

  /** Which letter the body of a SEND brings. */
  letterOf(body: Bytes): Letter | undefined {
    for (const party of this.parties) {
      const key = keyOf(party.secrets, body)
      if (key !== undefined) return this.letters.get(key)
    }
    return undefined
  }

  delivered(smpMsgId: Bytes, letter: Letter): void {
    this.#delivered.set(toBase64Url(smpMsgId), letter)
  }

  /** What came into a queue of a party, and was never taken out of it. */
  left(party: Party): Letter[] {
    const taken = new Set(party.history.taken.map(({ letter }) => letter))
    return [...new Set(this.#delivered.values())].filter((one) => one.to === party && !taken.has(one))
  }

  letterAt(smpMsgId: string): Letter | undefined {
    return this.#delivered.get(smpMsgId)
  }

  /** What applications do at any time: start again after a crash, make the link, join, put keys right. */
  async tick(): Promise<void> {
    const [alice, bob] = this.parties
    const { postQuantum } = this.setting
    for (const party of this.parties) await party.start()
    if (alice.link === undefined) {
      const made = await alice.call((agent) => agent.createConnection({ mode: "invitation", postQuantum }))
      alice.connectionId = made?.connectionId
      alice.link = made?.link
    }
    const { link } = alice
    if (link !== undefined && bob.connectionId === undefined && bob.closed === undefined) {
      const joined = await bob.call(async (agent) => {
        try {
          return await agent.joinConnection({ link, postQuantum })
        } catch (error) {
          if (AgentError.is(error, "LINK_ALREADY_USED") && error.connectionId !== undefined)
            return { connectionId: error.connectionId }
          // The adversary has refused what it took for another's.
          if (AgentError.is(error, "LINK_ALREADY_USED")) bob.closed = error.code
          else throw error
          return undefined
        }
      })
      bob.connectionId = joined?.connectionId
    }
    for (const party of this.parties) {
      const state = await party.state()
      if (state?.ratchet === "required" || (party.restored && state?.ratchet === "allowed"))
        await party.synchronize(false)
    }
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms)
  }
}
