import { clearLine, createInterface, cursorTo, type Interface } from "node:readline"
import { isTerminal } from "../terminal.ts"

/** Lines in, lines out; what is printed while the user types goes above the line being typed. */
export interface Screen extends Disposable {
  readonly lines: AsyncIterable<string>
  readonly print: (line: string) => void
  /** Ends `lines`. */
  readonly close: () => void
}

/** The chat on stdin and stdout, with a prompt where both are a terminal. */
export function openScreen(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Screen {
  const interactive = isTerminal(output) && input.isTTY
  const readline = createInterface({ input, output, terminal: interactive, prompt: interactive ? "> " : "" })
  const lines = readline[Symbol.asyncIterator]()
  // Ctrl-C at the prompt is the same as the signal.
  readline.on("SIGINT", () => process.kill(process.pid, "SIGINT"))
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    readline.close()
    if (interactive) output.write("\n") // the shell's prompt gets a line of its own
    input.destroy()
  }
  return {
    lines: interactive ? prompted(readline, lines) : lines,
    print: (line) => {
      if (!interactive) {
        output.write(`${line}\n`)
        return
      }
      cursorTo(output, 0)
      clearLine(output, 0)
      output.write(`${line}\n`)
      readline.prompt(true)
    },
    close,
    [Symbol.dispose]: close,
  }
}

async function* prompted(
  readline: Interface,
  lines: AsyncIterable<string>,
): AsyncGenerator<string, void, undefined> {
  readline.prompt()
  for await (const line of lines) {
    yield line
    readline.prompt()
  }
}
