import { type DestinationStream, pino, type Logger } from "pino"

export type { Logger } from "pino"

export type LogLevel = "silent" | "error" | "warn" | "info" | "debug" | "trace"

/**
 * Lines of JSON about the server itself. At no level does one hold an id, address, key, link, body or other trace of a client (security.md Q24):
 * what is logged are counts, codes and our own sentences.
 */
export function createLogger(destination: DestinationStream, level: LogLevel = "info"): Logger {
  return pino({ level, base: null }, destination)
}

export function silentLogger(): Logger {
  return pino({ level: "silent" })
}

/** What may be logged of an error: its kind, and where in our code it came from. */
export function loggable(error: unknown): Readonly<Record<string, string>> {
  if (!(error instanceof Error)) return { error: "unknown" }
  const code = "code" in error && typeof error.code === "string" ? error.code : "none"
  // The first line of a stack repeats the message, which may quote input; the frames are ours.
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line))
  return {
    error: error.name,
    code,
    at: frames
      .slice(0, 6)
      .map((line) => line.trim())
      .join(" | "),
  }
}
