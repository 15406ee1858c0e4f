import { terminalText } from "./terminal-text.ts"

/** Where a server's log goes: what is not a terminal gets the lines of JSON, and a person at a terminal reads sentences. */
export function logDestination(stream: { readonly isTTY?: boolean; write(text: string): unknown }): {
  write(line: string): void
} {
  return {
    write: (line) => {
      stream.write(stream.isTTY === true ? sentence(line) : line)
    },
  }
}

function sentence(line: string): string {
  const { msg, level: _level, time: _time, ...facts } = JSON.parse(line) as Readonly<Record<string, unknown>>
  const more = Object.entries(facts).map(([name, value]) => `${name} ${text(value)}`)
  const words = more.length === 0 ? text(msg) : `${text(msg)} (${more.join(", ")})`
  return `smpkit: ${terminalText(words)}\n`
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value)
}
