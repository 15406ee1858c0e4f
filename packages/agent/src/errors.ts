/**
 * Codes of what this package throws, and of its `failed`, `closed` and `error` events. `docs/errors.md` says what each means and what to do.
 * The names of the wire (`AUTH`, `QUOTA`, …) and of the agent protocol (`A_…`) are kept.
 */
export type AgentErrorCode =
  // The caller's
  | "BAD_PARAMETER"
  | "NOT_FOUND"
  | "NOT_CONNECTED"
  | "NOT_SUPPORTED"
  | "PROHIBITED"
  | "LARGE"
  | "LINK"
  | "NO_SERVER"
  | "CLOSED"
  | "ABORTED"
  // The connection's
  | "LINK_ALREADY_USED"
  | "SECOND_CONFIRMATION"
  | "NOT_AUTHENTIC"
  | "NO_ANSWER"
  | "DELETED"
  | "POST_QUANTUM"
  | "SEND_LOCKED"
  | "EXPIRED"
  | "SWITCH_FAILED"
  // The server's, or the way to it
  | "AUTH"
  | "QUOTA"
  | "SMP"
  | "NETWORK"
  | "SERVER_VERSION"
  | "TIMEOUT"
  | "QUEUE_TAKEN_OVER"
  | "QUEUE_DELETED"
  // The peer's bytes
  | "A_MESSAGE"
  | "A_PROHIBITED"
  | "A_VERSION"
  | "A_CRYPTO"
  | "A_DUPLICATE"
  | "A_INTEGRITY"
  | "A_LINK"
  | "A_QUEUE"
  // The store
  | "STORE"

export interface AgentErrorDetail extends ErrorOptions {
  /** The server concerned: fingerprint and hosts, as in its address. */
  readonly server?: string | undefined
  readonly connectionId?: string | undefined
}

/** What the agent throws. The message says what to do and holds no key, link, queue id or plaintext. */
export class AgentError<C extends AgentErrorCode = AgentErrorCode> extends Error {
  override readonly name = "AgentError"
  readonly code: C
  readonly server: string | undefined
  readonly connectionId: string | undefined
  constructor(code: C, message: string, { server, connectionId, ...options }: AgentErrorDetail = {}) {
    super(message, options)
    this.code = code
    this.server = server
    this.connectionId = connectionId
  }
  static is<C extends AgentErrorCode>(error: unknown, code: C): error is AgentError<C> {
    return error instanceof AgentError && error.code === code
  }
}

/** Whether something that was thrown is an `AgentError`, of whatever code. */
export function isAgentError(error: unknown): error is AgentError {
  return error instanceof AgentError
}
