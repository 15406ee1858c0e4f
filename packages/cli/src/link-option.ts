import { readFile } from "node:fs/promises"
import { CommandError, codeOf } from "./failure.ts"

/** Links are secrets: besides the argument, which other users may see, a file or the environment can hold one (security.md Q12). */
export interface LinkOptions {
  readonly linkFile?: string
}

/** The link or name from the argument, --link-file or SMPKIT_LINK. Throws `CommandError` USAGE for an unreadable file. */
export async function readLink(
  argument: string | undefined,
  { linkFile }: LinkOptions,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  if (argument !== undefined) return argument
  if (linkFile === undefined) return environment["SMPKIT_LINK"]
  try {
    return (await readFile(linkFile, "utf8")).trim()
  } catch (error) {
    const reason = codeOf(error) === "ENOENT" ? "is not there" : "cannot be read"
    throw new CommandError("USAGE", `the link file ${linkFile} ${reason}: check the path`, { cause: error })
  }
}

/** Whether a text is meant as a link, not as the name of a pipe. */
export function looksLikeLink(text: string): boolean {
  return /^(?:simplex|https?):/i.test(text)
}
