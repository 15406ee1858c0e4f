import type { Readable } from "node:stream"
import { CommandError } from "../failure.ts"
import { Changes } from "./changes.ts"

/**
 * The data of a stream in pieces of at most `size` bytes. A piece is taken when the consumer asks for it and holds whatever
 * waits by then, so that a fast source fills its pieces and a slow one is not held back.
 */
export async function* pieces(source: Readable, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const changes = new Changes()
  const state: { ended: boolean; readable: boolean; failure: Error | undefined } = {
    ended: source.readableEnded,
    readable: true,
    failure: undefined,
  }
  const onReadable = (): void => {
    state.readable = true
    changes.notify()
  }
  const onEnd = (): void => {
    state.ended = true
    changes.notify()
  }
  const onClose = (): void => {
    // What is cut off must not look like a whole.
    if (!state.ended && !source.readableEnded)
      state.failure ??= new CommandError("FAILED", "the input was closed before its end")
    onEnd()
  }
  const onError = (error: Error): void => {
    state.failure = error
    changes.notify()
  }
  source.on("readable", onReadable).on("end", onEnd).on("close", onClose).on("error", onError)
  try {
    for (;;) {
      await changes.until(() => state.readable || state.ended || state.failure !== undefined)
      if (state.failure !== undefined) throw state.failure
      const piece: unknown = source.read(Math.min(size, source.readableLength))
      if (piece instanceof Uint8Array && piece.length > 0) yield piece
      else if (state.ended) return
      else state.readable = false
    }
  } finally {
    source.off("readable", onReadable).off("end", onEnd).off("close", onClose).off("error", onError)
  }
}
