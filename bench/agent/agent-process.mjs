// One of the two agents that are measured, in a process of its own: takes commands from the IPC channel, and answers each with a line of JSON.
import { setTimeout as sleep } from "node:timers/promises"
import { CountedConnector } from "./counted-connector.mjs"
import { median } from "../figures.mjs"
import {
  Agent,
  lmdbRawStore,
  parseServerAddress,
  SealedStore,
  systemClock,
  systemRandom,
  tlsConnector,
} from "./workspace.mjs"

const [dir, server] = process.argv.slice(2)
const address = parseServerAddress(server)
const connector = new CountedConnector(tlsConnector())
/** So many messages are at most stored for sending and not kept by the server. */
const maxUnsent = 64

let agent
let openedAt
/** Waits for what events bring. */
let wake = () => undefined
const seen = { up: false, connected: new Set(), sent: 0, received: 0, latenciesMs: [] }
/** What is answered to each message that comes: nothing, or the next one of a conversation. */
let answer = () => undefined

async function until(condition) {
  while (!condition()) await new Promise((resolve) => (wake = resolve))
}

const bodyOf = (size) => {
  const body = new Uint8Array(size)
  new DataView(body.buffer).setBigUint64(0, process.hrtime.bigint())
  return body
}

/** One clock for both processes. */
const ageMs = (body) =>
  Number(process.hrtime.bigint() - new DataView(body.buffer, body.byteOffset).getBigUint64(0)) / 1e6

async function onEvent(event) {
  switch (event.type) {
    case "serverUp":
      seen.up = true
      break
    case "confirmation":
      await agent.allowConnection({ ...event, info: new Uint8Array(0) })
      break
    case "connected":
      seen.connected.add(event.connectionId)
      break
    case "sent":
      seen.sent++
      break
    case "message":
      seen.latenciesMs.push(ageMs(event.body))
      seen.received++
      await agent.acknowledgeMessage(event)
      await answer(event)
      break
    case "error":
    case "closed":
    case "failed":
      throw new Error(`${event.code}: ${event.message}`)
  }
  wake()
}

const commands = {
  async open() {
    openedAt = performance.now()
    const store = await SealedStore.open(await lmdbRawStore(dir), {
      passphrase: "no secret",
      random: systemRandom,
    })
    const storeMs = performance.now() - openedAt
    agent = await Agent.open({
      store,
      connector,
      clock: systemClock,
      random: systemRandom,
      servers: [address],
      options: { maxWaitingEvents: 10_000 },
    })
    const agentMs = performance.now() - openedAt - storeMs
    void (async () => {
      for await (const event of agent.events()) await onEvent(event)
    })().catch((error) => {
      process.stderr.write(`${error?.stack ?? error}\n`)
      process.exit(1)
    })
    return { storeMs, agentMs }
  },

  async count() {
    const { connections } = await agent.listConnections()
    return { connections: connections.length }
  },

  /** When everything is subscribed. */
  async subscribed() {
    await until(() => seen.up)
    return { ms: performance.now() - openedAt, blocks: connector.blocks }
  },

  async memory() {
    for (let i = 0; i < 3; i++) {
      globalThis.gc()
      await sleep(200)
    }
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
    return { rss, heapUsed, external, arrayBuffers }
  },

  async invite({ count, postQuantum }) {
    const made = []
    for (let i = 0; i < count; i++)
      made.push(agent.createConnection({ mode: "invitation", postQuantum: postQuantum ? "on" : "off" }))
    return await Promise.all(made)
  },

  async join({ links, postQuantum }) {
    const join = (link) => agent.joinConnection({ link, postQuantum: postQuantum ? "on" : "off" })
    return await Promise.all(links.map(join))
  },

  async connected({ ids }) {
    await until(() => ids.every((id) => seen.connected.has(id)))
    return {}
  },

  /** Forgets what was counted; `echo` bytes are answered to every message. */
  async reset({ echo }) {
    Object.assign(seen, { sent: 0, received: 0, latenciesMs: [] })
    answer =
      echo === undefined
        ? () => undefined
        : ({ connectionId }) => agent.sendMessage({ connectionId, body: bodyOf(echo) })
    return {}
  },

  /** Sends many, as fast as they are taken. */
  async send({ id: connectionId, count, size }) {
    for (let i = 0; i < count; i++) {
      await until(() => i - seen.sent < maxUnsent)
      await agent.sendMessage({ connectionId, body: bodyOf(size) })
    }
    return {}
  },

  /** Sends one after the other, each when the answer to the one before has come. */
  async turns({ id: connectionId, count, size }) {
    for (let i = 0; i < count; i++) {
      await agent.sendMessage({ connectionId, body: bodyOf(size) })
      await until(() => seen.received > i)
    }
    return {}
  },

  async received({ count }) {
    await until(() => seen.received >= count)
    return { latencyMs: median(seen.latenciesMs) }
  },

  async close() {
    await agent.close()
    return {}
  },
}

process.on("message", (command) => {
  if (typeof command !== "object") return
  const { name, ...options } = command
  commands[name](options).then(
    (value) => process.stdout.write(`${JSON.stringify(value)}\n`),
    (error) => {
      process.stderr.write(`${error?.stack ?? error}\n`)
      process.exit(1)
    },
  )
})
// What it waits for comes by this channel.
process.channel.ref()
process.once("SIGTERM", () => process.exit(0))
process.stdout.write("ready\n")
