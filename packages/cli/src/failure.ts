import { terminalText } from "./terminal-text.ts"

/** `USAGE`: the command line or the surroundings must be changed (exit code 2). `FAILED`: it did not work (exit code 1). */
export type CommandErrorCode = "USAGE" | "FAILED"

/** What a subcommand ends with when it cannot do its work. The message is one line that says what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError"
  readonly code: CommandErrorCode

  constructor(code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** How a command ends: a line for stderr and an exit code. */
export interface Failure {
  readonly line: string
  readonly exitCode: 1 | 2
}

const systemAdvice: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use: stop the program that holds it, or choose another with --port",
  EADDRNOTAVAIL: "this machine does not have that address: choose another with --bind",
  EACCES: "not allowed: check the owner and the permissions, or choose another",
  ENOTFOUND: "no such host: check the name and the network",
  EAI_AGAIN: "the name cannot be resolved just now: check the network",
  ECONNREFUSED: "nobody listens there: check host and port, and that the server runs",
  ENOENT: "no such file or directory",
  ENOSPC: "the disk is full: make room and start again",
  EPIPE: "the reader of the output went away",
}

/** The `code` that every typed error of this workspace and of Node carries. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined
  return typeof error.code === "string" ? error.code : undefined
}

/** The one line of an error. Control characters, which may come from a peer, show as escapes. */
export function failureOf(error: unknown): Failure {
  return { line: `smpkit: ${terminalText(messageOf(error))}`, exitCode: isUsage(error) ? 2 : 1 }
}

/** The message of an error with the advice that belongs to it, without a stack. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `unexpected failure: ${String(error)}`
  const code = codeOf(error)
  const known = code === undefined ? undefined : systemAdvice[code]
  if (known !== undefined) return `${withoutCode(error, code)}: ${known}`
  if (code === undefined) return `internal error, please report it: ${error.name}: ${error.message}`
  return error.message
}

function isUsage(error: unknown): boolean {
  return error instanceof CommandError && error.code === "USAGE"
}

/** What a system error was about, e.g. `listen 127.0.0.1:5223` of "listen EADDRINUSE: address already in use 127.0.0.1:5223". */
function withoutCode(error: Error, code: string | undefined): string {
  const parts = error as {
    readonly syscall?: unknown
    readonly address?: unknown
    readonly port?: unknown
    readonly path?: unknown
  }
  if (typeof parts.syscall !== "string") return error.message.replace(`${code ?? ""}: `, "")
  const where =
    typeof parts.port === "number"
      ? `${text(parts.address)}:${parts.port}`
      : text(parts.path ?? parts.address)
  return `${parts.syscall} ${where}`.trim()
}

function text(value: unknown): string {
  return typeof value === "string" ? value : ""
}
