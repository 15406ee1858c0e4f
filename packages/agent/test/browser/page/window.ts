// The page: an agent in a worker or, asked for with ?window, in the page itself; `agentInTest` is what a test calls.
import { type Answer, Host, type PlainEvent, type Remote } from "./host.ts"

const events: PlainEvent[] = []
let heard = (): void => undefined
function onEvent(event: PlainEvent): void {
  events.push(event)
  heard()
}

/** The page's policy lets a worker be made through this one policy only. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as unknown as {
    readonly trustedTypes: {
      createPolicy(
        name: string,
        rules: { readonly createScriptURL: (url: string) => string },
      ): { createScriptURL(url: string): string }
    }
  }
  return trustedTypes.createPolicy("smpkit", { createScriptURL: (text) => text }).createScriptURL(url)
}

type FromWorker = { readonly event: PlainEvent } | { readonly id: number; readonly answer: Answer }

function inWorker(): Remote {
  const worker = new Worker(trusted("./worker.js"), { type: "module" })
  const waiting = new Map<number, (answer: Answer) => void>()
  let calls = 0
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    if ("event" in data) onEvent(data.event)
    else waiting.get(data.id)?.(data.answer)
  }
  return {
    call: (method, params) =>
      new Promise((resolve) => {
        const id = calls++
        waiting.set(id, resolve)
        worker.postMessage({ id, method, params })
      }),
  }
}

const remote = location.search === "?window" ? new Host(onEvent) : inWorker()

/** The event of a type after `from` others of that type. */
async function next(type: string, from: number): Promise<PlainEvent> {
  for (;;) {
    const event = events.filter((e) => e.type === type)[from]
    if (event !== undefined) return event
    await new Promise<void>((resolve) => {
      heard = resolve
    })
  }
}

const agentInTest = { call: remote.call.bind(remote), next }
export type AgentInTest = typeof agentInTest
Object.assign(globalThis, { agentInTest })
