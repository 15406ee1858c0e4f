import type { WriteStream } from "node:tty"

/** How text looks on one output stream: colours only on a terminal, and not with NO_COLOR. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly peer: (text: string) => string
}

type Output = Pick<NodeJS.WriteStream, "isTTY">

/** The style for a stream (https://no-color.org: any non-empty value of NO_COLOR switches colours off). */
export function styleOf(stream: Output, environment: NodeJS.ProcessEnv = process.env): Style {
  const off = !isTerminal(stream) || (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb"
  const paint = (from: number, to: number) => (text: string) =>
    off ? text : `\u001b[${from}m${text}\u001b[${to}m`
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    good: paint(32, 39),
    bad: paint(31, 39),
    peer: paint(36, 39),
  }
}

/** Whether a person looks at this stream. Node leaves `isTTY` undefined on pipes and files. */
export function isTerminal(stream: Output): stream is WriteStream {
  return stream.isTTY
}
