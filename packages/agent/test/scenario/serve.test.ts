import { describe, expect, it } from "vitest"
import {
  Agent,
  type AgentError,
  type AgentEvent,
  findOrMakeAddress,
  memoryRawStore,
  serve,
  type ServeHandlers,
} from "../../src/index.ts"

import { connectorTo, FakeServer } from "./fake-server.ts"
import { FakeClock, openStore, Person, seededRandom, settle } from "./world.ts"

interface World {
  readonly openBot: () => Promise<Agent>
  readonly openPerson: (name: string) => Promise<Person>
}

function world(seed: string): World {
  const clock = new FakeClock()
  const random = seededRandom(seed)
  const server = new FakeServer("one.example", { clock, random })
  const parts = { connector: connectorTo(server), clock, random, servers: [server.address] }
  const raw = memoryRawStore()
  const openBot = async (): Promise<Agent> =>
    await Agent.open({ ...parts, store: await openStore(raw, random) })
  const openPerson = (name: string): Promise<Person> => Person.open(name, parts)
  return { openBot, openPerson }
}

const noError = (error: AgentError): never => {
  throw error
}

function echo(agent: Agent, handlers: Partial<ServeHandlers> = {}): Promise<void> {
  return serve(agent, {
    onMessage: ({ connectionId, text = "?" }) =>
      agent.sendMessage({ connectionId, text: `you said: ${text}` }),
    onError: noError,
    ...handlers,
  })
}

async function joinAndSay(person: Person, link: string, text: string): Promise<void> {
  const { connectionId } = await person.agent.joinConnection({ link })
  const { confirmationId } = await person.next("confirmation")
  await person.agent.allowConnection({ connectionId, confirmationId })
  await person.next("connected")
  await person.agent.sendMessage({ connectionId, text })
}

describe("a program that serves", () => {
  it("lets everybody in who asks at its address, and answers each of them", async () => {
    const { openBot, openPerson } = world("many")
    const bot = await openBot()
    const { shortLink } = await findOrMakeAddress(bot)
    const serving = echo(bot)
    const people = [await openPerson("bob"), await openPerson("carol")]
    for (const person of people) await joinAndSay(person, shortLink, `I am ${person.name}`)
    for (const person of people) {
      await person.next("message")
      expect(person.texts()).toEqual([`you said: I am ${person.name}`])
    }
    await bot.close()
    await serving
    for (const person of people) await person.close()
  })

  it("has one address for good, and goes on after a restart with what was not answered", async () => {
    const { openBot, openPerson } = world("restart")
    let bot = await openBot()
    const address = await findOrMakeAddress(bot)
    let serving = echo(bot, { onMessage: () => bot.close() })
    const bob = await openPerson("bob")
    await joinAndSay(bob, address.link, "are you there?")
    await serving
    expect(bob.texts()).toEqual([])

    bot = await openBot()
    expect(await findOrMakeAddress(bot)).toEqual(address)
    const redelivered: boolean[] = []
    serving = echo(bot, {
      onMessage: (message) => {
        redelivered.push(message.redelivered)
        return bot.sendMessage({ connectionId: message.connectionId, text: "yes" })
      },
    })
    await bob.next("message")
    expect(bob.texts()).toEqual(["yes"])
    expect(redelivered).toEqual([true])
    expect((await bot.listConnections()).connections).toHaveLength(2)
    await bot.close()
    await serving
    await bob.close()
  })

  it("has one address also where it is asked for twice at once, and after a call that failed", async () => {
    const { openBot } = world("twice")
    const bot = await openBot()
    const signal = AbortSignal.abort()
    await expect(findOrMakeAddress(bot, { signal })).rejects.toMatchObject({ code: "ABORTED" })
    const [one, two] = await Promise.all([findOrMakeAddress(bot), findOrMakeAddress(bot)])
    expect(two).toEqual(one)
    expect((await bot.listConnections()).connections).toHaveLength(1)
    await bot.close()
  })

  it("gives an address without a short link one", async () => {
    const { openBot } = world("no short link")
    const bot = await openBot()
    const { connectionId, link } = await bot.createConnection({ mode: "contact" })
    expect(await bot.getLink({ connectionId })).toEqual({ link })
    const found = await findOrMakeAddress(bot)
    expect(found).toMatchObject({ connectionId, link })
    expect(await bot.getLink({ connectionId })).toEqual({ link, shortLink: found.shortLink })
    await bot.close()
  })

  it("turns away whom it does not want", async () => {
    const { openBot, openPerson } = world("turned away")
    const bot = await openBot()
    const { link } = await findOrMakeAddress(bot)
    const requests: AgentEvent[] = []
    const serving = echo(bot, {
      onRequest: (request) => {
        requests.push(request)
        return false
      },
    })
    const bob = await openPerson("bob")
    await bob.agent.joinConnection({ link })
    for (let turn = 0; turn < 500 && requests.length === 0; turn++) await settle(1)
    await settle(50)
    expect(requests.map(({ type }) => type)).toEqual(["contactRequest"])
    expect((await bot.listConnections()).connections).toHaveLength(1)
    expect(bob.of("confirmation")).toEqual([])
    await bot.close()
    await serving
    await bob.close()
  })

  it("lets one failure cost one message, not the others; that one comes again at the next start", async () => {
    const { openBot, openPerson } = world("failure")
    let bot = await openBot()
    const { link } = await findOrMakeAddress(bot)
    const errors: string[] = []
    const send = async (connectionId: string, text = ""): Promise<void> => {
      await bot.sendMessage({ connectionId, text: text === "long" ? "x".repeat(20_000) : text })
    }
    let serving = echo(bot, {
      onMessage: ({ connectionId, text }) => send(connectionId, text),
      onError: (error, event) => errors.push(`${event.type} ${error.code}`),
    })
    const bob = await openPerson("bob")
    await joinAndSay(bob, link, "long")
    const [{ connectionId } = { connectionId: "" }] = bob.of("connected")
    await bob.agent.sendMessage({ connectionId, text: "short" })
    await bob.next("message")
    expect(bob.texts()).toEqual(["short"])
    expect(errors).toEqual(["message LARGE"])
    await bot.close()
    await serving

    bot = await openBot()
    const seen: (string | undefined)[] = []
    serving = echo(bot, { onMessage: ({ text }) => seen.push(text) })
    for (let turn = 0; turn < 500 && seen.length === 0; turn++) await settle(1)
    expect(seen).toEqual(["long"])
    await bot.close()
    await serving
    await bob.close()
  })

  it("ends with what is wrong in the program itself", async () => {
    const { openBot, openPerson } = world("bug")
    const bot = await openBot()
    const { link } = await findOrMakeAddress(bot)
    const serving = echo(bot, {
      onMessage: () => {
        throw new TypeError("a bug of the program")
      },
    })
    const ended = expect(serving).rejects.toThrow("a bug of the program")
    const bob = await openPerson("bob")
    await joinAndSay(bob, link, "hello")
    await ended
    await bot.close()
    await bob.close()
  })
})

describe("the link of a connection", () => {
  it("is told again while somebody can come by it, long and short, also after a restart", async () => {
    const { openBot, openPerson } = world("links")
    let bot = await openBot()
    const { connectionId, ...links } = await bot.createConnection({ mode: "invitation", short: true })
    expect(await bot.getLink({ connectionId })).toEqual(links)
    await bot.close()
    bot = await openBot()
    expect(await bot.getLink({ connectionId })).toEqual(links)
    const serving = echo(bot)
    const bob = await openPerson("bob")
    const { connectionId: bobs } = await bob.agent.joinConnection({ link: links.link })
    await bob.next("connected")
    for (const [person, id] of [
      [bot, connectionId],
      [bob.agent, bobs],
    ] as const)
      await expect(person.getLink({ connectionId: id })).rejects.toMatchObject({ code: "PROHIBITED" })
    const { link } = await findOrMakeAddress(bot)
    const asked = await bob.agent.joinConnection({ link })
    await expect(bob.agent.getLink(asked)).rejects.toMatchObject({ code: "PROHIBITED" })
    await bot.close()
    await serving
    await bob.close()
  })
})
