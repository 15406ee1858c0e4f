import type { Readable } from "node:stream"

/**
 * The data of a stream in pieces of at most `size` bytes. A piece is taken when the consumer asks for it and holds whatever
 * waits by then, so that a fast source fills its pieces and a slow one is not held back.
 */
export async function* pieces(source: Readable, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  let ended = false
  let failure: Error | undefined
  let wake: (() => void) | undefined
  const onReadable = (): void => wake?.()
  const onEnd = (): void => {
    ended = true
    wake?.()
  }
  const onError = (error: Error): void => {
    failure = error
    wake?.()
  }
  source.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError)
  try {
    for (;;) {
      if (failure !== undefined) throw failure
      const length = Math.min(size, source.readableLength)
      const piece: unknown = length > 0 ? source.read(length) : source.read(0)
      if (piece instanceof Uint8Array && piece.length > 0) {
        yield piece
        continue
      }
      if (ended || source.readableEnded) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      wake = undefined
    }
  } finally {
    source.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError)
  }
}
