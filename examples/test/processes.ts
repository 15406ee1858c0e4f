import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Workshop } from "../../packages/cli/test/e2e/processes.ts"

/** Of every agent here. */
const passphrase = "correct horse battery staple"

/** The path of a file of an example. */
export function example(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}

/** Starts a program of an example as its README does. */
export function startExample(
  workshop: Workshop,
  path: string,
  args: readonly string[],
): ChildProcessWithoutNullStreams {
  return workshop.spawn(process.execPath, [example(path), ...args], { SMPKIT_PASSPHRASE: passphrase })
}

/** Writes a line for a program that reads lines. */
export function say(child: ChildProcessWithoutNullStreams, line: string): void {
  child.stdin.write(`${line}\n`)
}
