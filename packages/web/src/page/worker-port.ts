import workerUrl from "../agent-worker.ts?worker&url"
import type { FromWorker, Problem, Result } from "../protocol.ts"
import { CallError, type Port, type StartPort } from "./port.ts"
import { trustedScript } from "./trusted-script.ts"

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: CallError) => void
}

let script: string | undefined

/** Starts the agent's worker: passphrase and keys live there and nowhere else. */
export const startWorkerPort: StartPort = (onEvent): Port => {
  script ??= trustedScript(workerUrl, document.baseURI)
  const worker = new Worker(script, { type: "module", name: "agent" })
  const waiting = new Map<number, Waiting>()
  let lastId = 0

  const fail = (problem: Problem): void => {
    for (const { reject } of waiting.values()) reject(new CallError(problem))
    waiting.clear()
  }
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    switch (data.type) {
      case "event":
        onEvent(data.event)
        return
      case "done":
        waiting.get(data.id)?.resolve(data.result as never)
        waiting.delete(data.id)
        return
      case "refused":
        waiting.get(data.id)?.reject(new CallError(data.problem))
        waiting.delete(data.id)
        return
      default:
        data satisfies never
    }
  })
  worker.addEventListener("error", () => {
    const problem = {
      code: "BUG",
      message: "A part of this page did not load. Check that this device is online, then reload the page.",
    }
    fail(problem)
    onEvent({ type: "stopped", problem })
  })
  return {
    call: (method, params) =>
      new Promise<Result<typeof method>>((resolve, reject) => {
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        worker.postMessage({ type: "call", id, method, params })
      }),
    active: () => {
      worker.postMessage({ type: "active" })
    },
    close: () => {
      worker.terminate()
      fail({ code: "NOT_OPEN", message: "The profile is locked." })
    },
  }
}
