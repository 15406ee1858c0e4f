import { type Bytes, WireError } from "@smpkit/codec"
import { parseBatch } from "@smpkit/smp"
import type { Connection } from "./connection.ts"
import { createQueue, mayAsk } from "./commands/create.ts"
import { execute } from "./commands/execute.ts"
import type { ServerCore } from "./core.ts"
import type { QueueRecord } from "./queue.ts"
import { type QueueName, queueName } from "./queue-name.ts"
import { type NewRequest, parseRequest, type QueueRequest } from "./request.ts"

const empty: Bytes = new Uint8Array(0)

type Authorized = QueueRequest | NewRequest

/**
 * Takes in the blocks of one connection: commands are read, authorized, and carried out in the order in which they came. Reading and verifying
 * wait for their turns among all connections, so that no block keeps the process from the others.
 */
export class Intake {
  readonly #core: ServerCore
  readonly #connection: Connection
  /** Commands under way that change keys or status: what follows on the same id waits for them. */
  readonly #barriers = new Map<QueueName, Promise<void>>()
  #abandoned = false

  constructor(core: ServerCore, connection: Connection) {
    this.#core = core
    this.#connection = connection
  }

  /** Neither verifies nor carries out what is not verified yet. */
  abandon(): void {
    this.#abandoned = true
  }

  /** Resolves when all commands of a block have begun, with their ends; these never reject. One call at a time. */
  async take(content: Bytes): Promise<readonly Promise<void>[]> {
    const { version, sessionId } = this.#connection
    let items: readonly Bytes[]
    try {
      items = parseBatch(content)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#connection.refuse(empty, empty, { type: "BLOCK" })
      return []
    }
    const requests = await this.#each(items, (item) => parseRequest(version, sessionId, item))
    const under: Promise<void>[] = []
    let group: Authorized[] = []
    const flush = async (): Promise<void> => {
      const ready = group
      group = []
      if (ready.length > 0) under.push(...(await this.#start(ready)))
    }
    for (const request of requests) {
      switch (request.type) {
        case "refused":
          this.#connection.refuse(request.corrId, request.entityId, request.error)
          break
        case "ping":
          this.#connection.pong(request.corrId)
          break
        case "new":
          group.push(request)
          break
        case "queue": {
          const barrier = this.#barriers.get(queueName(request.transmission.entityId))
          if (barrier !== undefined) {
            await flush()
            await barrier
          }
          group.push(request)
          if (changesAuthority(request)) await flush()
          break
        }
        default:
          request satisfies never
      }
    }
    await flush()
    return under
  }

  /** Looks all queues of some commands up at once, verifies, and hands what may run to the store in order. */
  async #start(requests: readonly Authorized[]): Promise<readonly Promise<void>[]> {
    const { store, authorizer, creation } = this.#core
    const connection = this.#connection
    let records: ReadonlyMap<Authorized, QueueRecord | undefined>
    try {
      records = await find(store, requests)
    } catch (error) {
      for (const { transmission } of requests) connection.failed(transmission, error)
      return []
    }
    const verdicts = await this.#each(requests, (request) =>
      request.type === "new"
        ? mayAsk(authorizer, creation, connection.keys, request)
        : authorizer.allows(request.command, records.get(request), request.transmission, connection.keys),
    )
    // All verified before the first is answered: what fails is answered in one group, whatever the cause (security.md Q22).
    const under: Promise<void>[] = []
    const refused = requests.filter((_request, i) => verdicts[i] === false)
    for (const { transmission } of refused)
      connection.answer(transmission, { type: "ERR", error: { type: "AUTH" } })
    for (const request of requests.filter((_request, i) => verdicts[i])) {
      // A few bytes ask for a whole message: a block full of them begins no faster than its answers can leave.
      if (bringsMessage(request) && !connection.hasRoom) await connection.room()
      const done = this.#carryOut(request, records.get(request))
      if (request.type === "queue" && changesAuthority(request))
        this.#setBarrier(queueName(request.transmission.entityId), done)
      under.push(done)
    }
    return under
  }

  async #carryOut(request: Authorized, record: QueueRecord | undefined): Promise<void> {
    using _room = bringsMessage(request) ? this.#connection.holdMessage() : undefined
    try {
      await (request.type === "new"
        ? createQueue(this.#core, this.#connection, request)
        : execute(this.#core, this.#connection, request, record))
    } catch (error) {
      this.#connection.failed(request.transmission, error)
    }
  }

  #setBarrier(name: QueueName, done: Promise<void>): void {
    const barrier = done.then(() => {
      if (this.#barriers.get(name) === barrier) this.#barriers.delete(name)
    })
    this.#barriers.set(name, barrier)
  }

  /** In turn with other connections; nothing once this one is abandoned. */
  async #each<T, R>(items: readonly T[], work: (item: T) => R): Promise<readonly R[]> {
    const results = await this.#core.turns.each(this, items, (item) =>
      this.#abandoned ? undefined : { result: work(item) },
    )
    return this.#abandoned ? [] : results.flatMap((done) => (done === undefined ? [] : [done.result]))
  }
}

async function find(
  store: ServerCore["store"],
  requests: readonly Authorized[],
): Promise<ReadonlyMap<Authorized, QueueRecord | undefined>> {
  const onQueues = requests.filter((request) => request.type === "queue")
  if (onQueues.length === 0) return new Map()
  const records = await store.find(onQueues.map((r) => ({ party: r.party, id: r.transmission.entityId })))
  return new Map(onQueues.map((request, i) => [request, records[i]]))
}

/** What may be answered with a message, or followed by one. */
function bringsMessage({ command }: Authorized): boolean {
  return ["SUB", "GET", "ACK", "LKEY", "LGET"].includes(command.type)
}

/** After these, whether a command is authorized may differ. */
function changesAuthority({ command }: QueueRequest): boolean {
  return ["KEY", "SKEY", "LKEY", "OFF", "DEL"].includes(command.type)
}
