import type { AgentApi } from "../agent-port.ts"
import { codeOf } from "../failure.ts"
import { eventJson } from "./json-values.ts"
import { readLines } from "./lines.ts"
import { call } from "./methods.ts"
import { parseRequest, type RequestId, RpcError, rpcCodes } from "./request.ts"

export interface RpcOptions {
  readonly agent: AgentApi
  /** The version of this release. */
  readonly release: string
  /** The requests; `stopInput` ends it early. */
  readonly input: AsyncIterable<Uint8Array>
  readonly stopInput: () => void
  /** Writes one line; resolves when the reader has made room for more. Rejects when the reader is gone. */
  readonly writeLine: (line: string) => Promise<void>
  /** Told of failures that are bugs; the peer sees only -32603. */
  readonly onInternalError: (error: unknown) => void
}

/** Requests carried out at a time; the next line is read when one has been answered and its answer was taken. */
const mostRequests = 64

/**
 * JSON-RPC 2.0, one object a line (rpc.md). Runs until the input ends; requests that were begun are answered first. Events are
 * taken from the agent one at a time and only when the reader has taken the one before, so that unread output pauses receiving
 * instead of queueing (security.md Q26). Closes the agent. Rejects with `LineTooLongError`, or when the output breaks.
 */
export async function serveJsonRpc(options: RpcOptions): Promise<void> {
  const requests = answerRequests(options)
  const events = forwardEvents(options)
  try {
    await Promise.race([requests, events])
  } finally {
    options.stopInput()
    await Promise.allSettled([requests])
    await options.agent.close()
    await Promise.allSettled([events])
  }
  await requests
  await events
}

async function answerRequests(options: RpcOptions): Promise<void> {
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  try {
    for await (const line of readLines(options.input)) {
      if (isBlank(line)) continue
      const answered = answer(options, line)
        .catch((error: unknown) => failures.push(error))
        .then(() => {
          running.delete(answered)
        })
      running.add(answered)
      if (running.size >= mostRequests) await Promise.race(running)
      if (failures.length > 0) break
    }
  } finally {
    await Promise.all(running)
  }
  if (failures.length > 0) throw failures[0]
}

async function answer(
  { agent, release, writeLine, onInternalError }: RpcOptions,
  line: Uint8Array,
): Promise<void> {
  const request = parseRequest(line)
  if ("error" in request) {
    await writeLine(errorLine(request.id, request.error))
    return
  }
  const { id, method, params } = request
  let reply: string
  try {
    const result = await call({ agent, release }, method, params)
    reply = JSON.stringify({ jsonrpc: "2.0", id, result })
  } catch (error) {
    reply = errorLine(id ?? null, rpcErrorOf(error, onInternalError))
  }
  if (id !== undefined) await writeLine(reply)
}

async function forwardEvents({ agent, writeLine }: RpcOptions): Promise<void> {
  for await (const event of agent.events())
    await writeLine(JSON.stringify({ jsonrpc: "2.0", method: "event", params: eventJson(event) }))
}

function errorLine(id: RequestId, { code, message, data }: RpcError): string {
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  })
}

/** Typed errors of the packages become ours with their code; anything else is a bug and keeps its secrets. */
function rpcErrorOf(error: unknown, onInternalError: (error: unknown) => void): RpcError {
  if (error instanceof RpcError) return error
  const code = codeOf(error)
  if (
    !(error instanceof Error) ||
    code === undefined ||
    error instanceof TypeError ||
    error instanceof RangeError
  ) {
    onInternalError(error)
    return new RpcError(rpcCodes.internal, "internal error: see stderr of the agent, and please report it")
  }
  const { server, connectionId } = error as { readonly server?: unknown; readonly connectionId?: unknown }
  return new RpcError(rpcCodes.agent, error.message, {
    code,
    ...(typeof server === "string" ? { server } : {}),
    ...(typeof connectionId === "string" ? { connectionId } : {}),
  })
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)
}
