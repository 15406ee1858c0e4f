import { openSync } from "node:fs"
import { open, readdir } from "node:fs/promises"
import { ReadStream } from "node:tty"
import { CommandError, codeOf } from "./failure.ts"
import { isTerminal } from "./terminal.ts"

/** What the command line says about the passphrase of an agent's store. */
export interface PassphraseOptions {
  readonly dir: string
  readonly passphraseFile?: string
  readonly emptyPassphrase?: boolean
}

/** Asks a person; `undefined` when nobody is at a terminal. A new passphrase is asked twice. */
export type AskPassphrase = (options: { readonly isNew: boolean }) => Promise<string | undefined>

const largestFile = 4096
const advice = "use --passphrase-file FILE, SMPKIT_PASSPHRASE or a terminal, or --empty-passphrase for none"

/**
 * The passphrase of the store in `dir`: --empty-passphrase, --passphrase-file, SMPKIT_PASSPHRASE, then a prompt (design §6).
 * Throws `CommandError` USAGE where there is none, where the file is not private to its owner, and for an empty one that
 * was not asked for with the flag (security.md Q12).
 */
export async function readPassphrase(
  options: PassphraseOptions,
  { environment, ask }: { readonly environment: NodeJS.ProcessEnv; readonly ask: AskPassphrase },
): Promise<string> {
  if (options.emptyPassphrase === true) {
    if (options.passphraseFile !== undefined)
      throw new CommandError(
        "USAGE",
        "--empty-passphrase and --passphrase-file exclude each other: give one of them",
      )
    return ""
  }
  const passphrase =
    options.passphraseFile === undefined
      ? (environment["SMPKIT_PASSPHRASE"] ?? (await ask({ isNew: await isEmpty(options.dir) })))
      : await readPassphraseFile(options.passphraseFile)
  if (passphrase === undefined) throw new CommandError("USAGE", `no passphrase for the store: ${advice}`)
  if (passphrase === "")
    throw new CommandError("USAGE", "the passphrase is empty: say so with --empty-passphrase")
  return passphrase
}

/** The first line of a passphrase file that only its owner may read. Throws `CommandError` USAGE. */
export async function readPassphraseFile(path: string): Promise<string> {
  const text = await readPrivateText(path)
  const line = text.replace(/\r?\n$/, "")
  if (/[\r\n]/.test(line))
    throw new CommandError(
      "USAGE",
      `the passphrase file ${path} has more than one line: leave only the passphrase in it`,
    )
  return line
}

async function readPrivateText(path: string): Promise<string> {
  try {
    await using file = await open(path, "r")
    const { mode, uid, size } = await file.stat()
    const user = process.getuid?.()
    if (user !== undefined && ((mode & 0o077) !== 0 || uid !== user))
      throw new CommandError(
        "USAGE",
        `the passphrase file ${path} is not private to you: chmod 600 it, and own it`,
      )
    if (size > largestFile)
      throw new CommandError("USAGE", `${path} is too large for a passphrase file: name another file`)
    return await file.readFile("utf8")
  } catch (error) {
    if (error instanceof CommandError) throw error
    const reason = codeOf(error) === "ENOENT" ? "is not there" : "cannot be read"
    throw new CommandError("USAGE", `the passphrase file ${path} ${reason}: check the path`, { cause: error })
  }
}

/** The prompt on the user's terminal; stdin may be a pipe with data, so the terminal itself is asked. */
export const askOnTerminal: AskPassphrase = async ({ isNew }) => {
  if (!isTerminal(process.stderr)) return undefined
  const input = process.stdin.isTTY ? process.stdin : openTerminal()
  if (input === undefined) return undefined
  try {
    const { password, isCancel } = await import("@clack/prompts")
    const question = async (message: string): Promise<string> => {
      const answer = await password({ message, input, output: process.stderr })
      if (isCancel(answer)) throw new CommandError("FAILED", "no passphrase was given, nothing was done")
      return answer
    }
    const passphrase = await question(
      isNew ? "A new passphrase for this folder" : "The passphrase of this folder",
    )
    if (isNew && passphrase !== (await question("The same again")))
      throw new CommandError("FAILED", "the two passphrases differ: start again")
    return passphrase
  } finally {
    if (input !== process.stdin) input.destroy()
  }
}

function openTerminal(): ReadStream | undefined {
  try {
    return new ReadStream(openSync("/dev/tty", "r+"))
  } catch {
    return undefined // no controlling terminal: nobody to ask
  }
}

async function isEmpty(dir: string): Promise<boolean> {
  try {
    return (await readdir(dir)).length === 0
  } catch {
    return true
  }
}
