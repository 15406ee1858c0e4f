// A dedicated worker with an agent in it.
import { Host, type PlainEvent } from "./host.ts"

const host = new Host((event: PlainEvent) => {
  postMessage({ event })
})

interface Call {
  readonly id: number
  readonly method: string
  readonly params: unknown
}

addEventListener("message", ({ data: { id, method, params } }: MessageEvent<Call>) => {
  void host.call(method, params).then((answer) => {
    postMessage({ id, answer })
  })
})
