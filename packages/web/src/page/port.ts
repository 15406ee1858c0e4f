import type { Method, PageEvent, Params, Problem, Result } from "../protocol.ts"

/** The page's way to its agent, whatever thread that lives in. */
export interface Port {
  /** Rejects with `CallError`. */
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  /** The user does something. */
  active(): void
  /** Ends the agent's thread, and with it all keys in memory. */
  close(): void
}

export type StartPort = (onEvent: (event: PageEvent) => void) => Port

/** A refusal by the worker. */
export class CallError extends Error {
  override readonly name = "CallError"
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
}

/** What any failure of a call means to the page. */
export function problemOfCall(error: unknown): Problem {
  return error instanceof CallError ? error.problem : { code: "BUG", message: "" }
}
