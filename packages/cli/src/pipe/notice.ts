import { terminalText } from "../terminal-text.ts"

/** A line about what is going on, on stderr: stdout belongs to the data. */
export function notice(line: string): void {
  process.stderr.write(`smpkit: ${terminalText(line)}\n`)
}
