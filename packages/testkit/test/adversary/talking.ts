import type { Bytes } from "@smpkit/codec"
import { expect } from "vitest"
import { connect, type Person, until, type World } from "./person.ts"

export const ok: { readonly type: "ok" } = { type: "ok" }

export interface Talk {
  readonly w: World
  readonly ids: { readonly alice: string; readonly bob: string }
  /** Bob's queue, which Alice sends to, and hers. */
  readonly bobsQueue: Bytes
  readonly alicesQueue: Bytes
  /** Sends from Alice; what she sends is kept from Bob while Eve holds, and the body is returned. */
  readonly send: (text: string) => Promise<Bytes>
  hold: boolean
}

/** Alice and Bob are connected; Eve keeps what she wants to keep of what Alice sends. */
export async function talking(w: World): Promise<Talk> {
  const ids = await connect(w.alice, w.bob)
  const [bobsQueue] = await w.two.senderIds()
  const [alicesQueue] = await w.one.senderIds()
  if (bobsQueue === undefined || alicesQueue === undefined) throw new Error("no queues")
  const talk: Talk = {
    w,
    ids,
    bobsQueue,
    alicesQueue,
    hold: false,
    send: async (text) => {
      const before = w.two.bodies(bobsQueue).length
      await w.alice.agent.sendMessage({ connectionId: ids.alice, text })
      await until("the message is at the server", () => w.two.bodies(bobsQueue).length > before)
      return w.two.bodies(bobsQueue).at(-1) ?? new Uint8Array(0)
    },
  }
  w.two.intercept = ({ command }) => (talk.hold && command.type === "SEND" ? { type: "OK" } : undefined)
  return talk
}

/** Both directions still work, and nobody has given up. */
export async function stillTalk(
  { w, ids }: Talk,
  { shown, answers = 1 }: { readonly shown: number; readonly answers?: number },
): Promise<void> {
  await w.alice.agent.sendMessage({ connectionId: ids.alice, text: "still here" })
  expect((await w.bob.read(shown + 1)).at(-1)?.text).toBe("still here")
  await w.bob.agent.sendMessage({ connectionId: ids.bob, text: "so am I" })
  expect((await w.alice.read(answers)).at(-1)).toEqual({ text: "so am I", integrity: ok })
  for (const person of [w.alice, w.bob]) expect([...person.of("closed"), ...person.of("failed")]).toEqual([])
}

export const errorsOf = (person: Person): string[] => person.of("error").map(({ code }) => code)
