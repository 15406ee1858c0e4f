import { randomBytes } from "node:crypto"
import { mkdir, open } from "node:fs/promises"
import { join, relative } from "node:path"
import { decodeUtf8, utf8 } from "@smpkit/codec"
import type { AgentApi, AgentEvent } from "./agent-port.ts"
import { codeOf, CommandError } from "./failure.ts"
import { readPassphraseFile } from "./passphrase.ts"
import { aborted, untilSignalled } from "./shutdown.ts"
import { styleOf, type Style } from "./terminal.ts"
import { terminalText } from "./terminal-text.ts"

export interface DemoOptions {
  readonly dir: string
  readonly once?: boolean
}

const style: Style = styleOf(process.stdout)

/**
 * `npm start`: a server with the durable store and two agents on it, in one folder. They exchange an invitation, messages both
 * ways and receipts; each step is printed as it happens. Then the server stays up, unless `once` is set.
 */
export async function runDemo({ dir, once = false }: DemoOptions): Promise<void> {
  await untilSignalled(async (signal) => {
    const passphraseFile = await preparePassphrase(dir)
    await using server = await startDemoServer(join(dir, "server"))
    const { address, page } = server
    step("server", `listening on ${style.bold(address)}, everything in ${join(dir, "server")}`)
    try {
      await converse({
        dir,
        passphrase: await readPassphraseFile(passphraseFile),
        server: address,
        signal,
      })
    } catch (error) {
      if (!signal.aborted) throw error
    }
    if (once || signal.aborted) return
    print(nextSteps(dir, passphraseFile, { address, page }))
    await aborted(signal)
    step("server", "stopped; everything is kept for the next start")
  })
}

interface DemoServer extends AsyncDisposable {
  readonly address: string
  /** Where the chat page is. */
  readonly page: string
}

async function startDemoServer(dir: string): Promise<DemoServer> {
  const { startDirectory } = await import("./server-command.ts")
  const { formatServerAddress } = await import("@smpkit/smp")
  const server = await startDirectory({ dir, port: 0, webPort: 0, quiet: true })
  return {
    address: formatServerAddress(server.address),
    page: server.web?.url ?? "",
    [Symbol.asyncDispose]: () => server.close(),
  }
}

/** A private file with a random passphrase; the one of an earlier run is used again. */
async function preparePassphrase(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, "passphrase")
  try {
    await using file = await open(path, "wx", 0o600)
    await file.writeFile(`${randomBytes(24).toString("base64url")}\n`)
    step("setup", `made ${path} with a random passphrase for the two agents, readable by you alone`)
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error
    step("setup", `using the passphrase in ${path}`)
  }
  return path
}

interface Scene {
  readonly dir: string
  readonly passphrase: string
  readonly server: string
  readonly signal: AbortSignal
}

async function converse({ dir, passphrase, server, signal }: Scene): Promise<void> {
  const [{ openAgent }, { parseServerAddress }] = await Promise.all([
    import("@smpkit/agent/node"),
    import("@smpkit/smp"),
  ])
  const servers = [parseServerAddress(server)]
  const enter = async (name: string): Promise<Actor> =>
    new Actor(name, await openAgent({ dir: join(dir, name.toLowerCase()), passphrase, servers }))
  await using alice = await enter("Alice")
  await using bob = await enter("Bob")
  signal.addEventListener("abort", () => void Promise.allSettled([alice.close(), bob.close()]), {
    once: true,
  })
  await alice.forgetEarlier()
  await bob.forgetEarlier()

  const { connectionId: aliceId, link } = await alice.agent.createConnection({ mode: "invitation" })
  step("Alice", "makes an invitation, to be given to Bob in a way that others cannot read:")
  print(style.dim(link))
  const { connectionId: bobId } = await bob.agent.joinConnection({ link, info: utf8("Bob") })
  step("Bob", "joins by it: his answer goes to Alice's queue")
  const confirmation = await alice.wait("confirmation", aliceId)
  step(
    "Alice",
    `gets the answer of "${terminalText(decodeUtf8(confirmation.info) ?? "")}" and allows the connection`,
  )
  await alice.agent.allowConnection({
    connectionId: aliceId,
    confirmationId: confirmation.confirmationId,
    info: utf8("Alice"),
  })
  await Promise.all([alice.wait("connected", aliceId), bob.wait("connected", bobId)])
  const [aliceCode, bobCode] = await Promise.all([
    alice.agent.securityCode({ connectionId: aliceId }),
    bob.agent.securityCode({ connectionId: bobId }),
  ])
  if (aliceCode.code !== bobCode.code)
    throw new CommandError("FAILED", "the security codes differ: somebody is in between")
  step(
    "both",
    `connected, end to end encrypted; both see the security code ${style.bold(aliceCode.code.slice(0, 17))}…`,
  )

  const toBob = await speak(
    alice,
    aliceId,
    bob,
    bobId,
    "Hello Bob. The server carries this and cannot read it.",
  )
  const toAlice = await speak(bob, bobId, alice, aliceId, "Hello Alice. Every message has a key of its own.")
  step(
    "both",
    style.dim(
      "receipts come after a random pause of up to five seconds, so that they tell an observer little…",
    ),
  )
  await Promise.all([receipt(alice, aliceId, toBob), receipt(bob, bobId, toAlice)])
  step("done", style.good("an invitation, messages both ways and receipts for both"))
}

async function speak(from: Actor, fromId: string, to: Actor, toId: string, text: string): Promise<number> {
  const { messageId } = await from.agent.sendMessage({ connectionId: fromId, body: utf8(text) })
  await from.wait("sent", fromId)
  step(from.name, `sends #${messageId}; the server has it on its disk`)
  const message = await to.wait("message", toId)
  step(
    to.name,
    `receives: ${style.bold(terminalText(decodeUtf8(message.body) ?? ""))} ${style.dim(`(integrity: ${message.integrity.type})`)}`,
  )
  await to.agent.acknowledgeMessage({ connectionId: toId, messageId: message.messageId, receipt: true })
  return messageId
}

async function receipt(actor: Actor, connectionId: string, messageId: number): Promise<void> {
  const { hashOk } = await actor.wait("delivered", connectionId)
  step(actor.name, `has the receipt for #${messageId}: it arrived ${hashOk ? "unchanged" : "changed"}`)
}

/** An agent of the demo whose events are waited for one by one. */
class Actor implements AsyncDisposable {
  readonly name: string
  readonly agent: AgentApi
  readonly #events: AsyncIterator<AgentEvent>
  readonly #early: AgentEvent[] = []

  constructor(name: string, agent: AgentApi) {
    this.name = name
    this.agent = agent
    this.#events = agent.events()[Symbol.asyncIterator]()
  }

  /** The demo keeps one conversation: that of the last run makes room. */
  async forgetEarlier(): Promise<void> {
    const { connections } = await this.agent.listConnections()
    for (const { connectionId } of connections) await this.agent.deleteConnection({ connectionId })
    if (connections.length > 0) step(this.name, "deletes the conversation of the last run")
  }

  /** The next event of a type for a connection; what comes before it is kept. */
  async wait<T extends AgentEvent["type"]>(
    type: T,
    connectionId: string,
  ): Promise<Extract<AgentEvent, { readonly type: T }>> {
    const fits = (event: AgentEvent): event is Extract<AgentEvent, { readonly type: T }> =>
      event.type === type && "connectionId" in event && event.connectionId === connectionId
    const at = this.#early.findIndex(fits)
    const [early] = at < 0 ? [] : this.#early.splice(at, 1)
    if (early !== undefined && fits(early)) return early
    for (;;) {
      const next = await this.#events.next()
      if (next.done === true)
        throw new CommandError("FAILED", `${this.name} was stopped in the middle of the conversation`)
      const event = next.value
      if (fits(event)) return event
      if (
        "connectionId" in event &&
        event.connectionId === connectionId &&
        (event.type === "closed" || event.type === "failed")
      )
        throw new CommandError("FAILED", `${this.name}: ${event.message}`)
      this.#early.push(event)
    }
  }

  close(): Promise<void> {
    return this.agent.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.return?.() // the last event was taken, too
    await this.close()
  }
}

function nextSteps(
  dir: string,
  passphraseFile: string,
  { address: server, page }: Pick<DemoServer, "address" | "page">,
): string {
  const as = (name: string): string =>
    `--dir ${path(join(dir, name))} --passphrase-file ${path(passphraseFile)}`
  return `
The server stays up; Ctrl-C ends it. The chat page is at ${style.bold(page)}

Type this in other terminals, in this folder:

  ${style.dim("# go on with the conversation as Alice and as Bob")}
  npx smpkit chat ${as("alice")}
  npx smpkit chat ${as("bob")}

  ${style.dim("# a conversation of your own: the first shows an invitation, the second takes it")}
  npx smpkit chat ${as("carol")} --server ${server}
  npx smpkit chat ${as("dave")} --server ${server} 'LINK'

  ${style.dim("# a file through a pipe: receive shows a link, send takes it")}
  npx smpkit receive photos ${as("carol-pipe")} --server ${server} > copy.tar
  npx smpkit send 'LINK' ${as("dave-pipe")} --server ${server} --as photos < photos.tar

  ${style.dim("# the agent for programs (JSON-RPC), and everything else")}
  npx smpkit agent ${as("bot")} --server ${server}
  npx smpkit --help
`
}

function path(absolute: string): string {
  const short = relative("", absolute)
  return /[^\w./-]/.test(short) ? `'${short}'` : short
}

function step(who: string, what: string): void {
  print(`${style.peer(who.padEnd(7))} ${what}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
