import { decodeUtf8 } from "@smpkit/codec"

/** The standard codes of JSON-RPC 2.0, section "Error object", and ours for everything an agent reports. */
export const rpcCodes = {
  parse: -32700,
  invalidRequest: -32600,
  unknownMethod: -32601,
  badParams: -32602,
  internal: -32603,
  agent: -32000,
} as const

export type RequestId = string | number | null

export interface Request {
  /** `undefined` for a notification: it is carried out and not answered. */
  readonly id: RequestId | undefined
  readonly method: string
  readonly params: unknown
}

export interface RpcErrorData {
  readonly code: string
  readonly server?: string
  readonly connectionId?: string
}

/** What becomes the `error` member of an answer. */
export class RpcError extends Error {
  override readonly name = "RpcError"
  readonly code: number
  readonly data: RpcErrorData | undefined

  constructor(code: number, message: string, data?: RpcErrorData) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** A request that cannot be carried out, with the id of the answer: null where it could not be read. */
export interface BadRequest {
  readonly id: RequestId
  readonly error: RpcError
}

/** Reads one line. */
export function parseRequest(line: Uint8Array): Request | BadRequest {
  const text = decodeUtf8(line)
  if (text === undefined) return bad(null, rpcCodes.parse, "the line is not UTF-8")
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return bad(null, rpcCodes.parse, "the line is not JSON: send one JSON-RPC 2.0 request object a line")
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return bad(null, rpcCodes.invalidRequest, "a request is one object: batches are not taken")
  const { jsonrpc, id, method, params } = value as Readonly<Record<string, unknown>>
  if (id !== undefined && id !== null && typeof id !== "string" && typeof id !== "number")
    return bad(null, rpcCodes.invalidRequest, "id must be a string, a number or null")
  if (jsonrpc !== "2.0") return bad(id ?? null, rpcCodes.invalidRequest, 'jsonrpc must be "2.0"')
  if (typeof method !== "string") return bad(id ?? null, rpcCodes.invalidRequest, "method must be a string")
  return { id, method, params }
}

function bad(id: RequestId, code: number, message: string): BadRequest {
  return { id, error: new RpcError(code, message) }
}
