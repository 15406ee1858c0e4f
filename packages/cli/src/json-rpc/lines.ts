import { concatBytes } from "@smpkit/codec"

/** security.md Q26: a longer input line ends the process. Counted without its line feed. */
const largestLine = 1024 * 1024

/** Thrown by `readLines` for a line above its limit. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError"
  readonly code = "LINE_TOO_LONG"

  constructor(limit: number) {
    super(
      `an input line is longer than ${limit} bytes: send one request a line, and large data in several messages`,
    )
  }
}

/** The lines of a byte stream, without their line feeds; a last line needs none. Holds at most one line and one chunk. */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  limit: number = largestLine,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = []
  let heldLength = 0
  for await (const chunk of input) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      if (heldLength + end - from > limit) throw new LineTooLongError(limit)
      yield concatBytes(...held, chunk.subarray(from, end))
      held = []
      heldLength = 0
      from = end + 1
    }
    heldLength += chunk.length - from
    if (heldLength > limit) throw new LineTooLongError(limit)
    if (from < chunk.length) held.push(chunk.subarray(from))
  }
  if (heldLength > 0) yield concatBytes(...held)
}
