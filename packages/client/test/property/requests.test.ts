import { generateKeyPair, systemRandom } from "@smpkit/crypto"
import { settle } from "@smpkit/testkit"
import fc from "fast-check"
import { expect, test } from "vitest"
import { connected, id, msg } from "../fake-server.ts"

const key = generateKeyPair("ed25519", systemRandom)

type Fate = "answered" | "refused" | "silent" | "aborted"
type Action =
  | { type: "request"; entity: number; fate: Fate }
  | { type: "event"; entity: number }
  | { type: "advance"; ms: number }
  | { type: "settle" }

const actions = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant("request" as const),
      entity: fc.nat(5),
      fate: fc.constantFrom<Fate>("answered", "refused", "silent", "aborted"),
    }),
    fc.record({ type: fc.constant("event" as const), entity: fc.nat(5) }),
    fc.record({ type: fc.constant("advance" as const), ms: fc.nat(20_000) }),
    fc.record({ type: fc.constant("settle" as const) }),
  ),
  { maxLength: 40 },
)

test("every request settles once as it should, in any order of answers, and close settles the rest; no event is lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      actions,
      fc.infiniteStream(fc.nat()),
      fc.constantFrom("local", "ended", "error"),
      async (script: Action[], picks, end) => {
        const { client, session, clock } = await connected({ timeoutMs: 10_000, dropAfterTimeouts: 1e9 })
        const seen: number[] = []
        const consumer = (async () => {
          for await (const { message } of client.events())
            if (message.type === "MSG")
              seen.push((message.msgId.at(-1) ?? 0) + 256 * (message.msgId.at(-2) ?? 0))
        })()
        const sent: number[] = []
        const outcomes: Promise<{ fate: Fate; number: number; result: string }>[] = []
        const fates: Fate[] = []
        const answered = new Set<string>()
        // The body of each SEND is its number, so that the fake server knows what to do with it.
        const answer = (all: boolean): void => {
          const open = session.commands.filter(
            ({ corrId, command }) => command.type === "SEND" && !answered.has(String(corrId)),
          )
          while (open.length > 0) {
            const [arrived] = open.splice((picks.next().value ?? 0) % open.length, 1)
            if (arrived?.command.type !== "SEND" || (!all && (picks.next().value ?? 0) % 3 === 0)) continue
            const fate = fates[arrived.command.body[0] ?? 0]
            if (fate === "silent") continue
            answered.add(String(arrived.corrId))
            session.answer(
              arrived,
              fate === "refused" ? { type: "ERR", error: { type: "AUTH" } } : { type: "OK" },
            )
          }
        }
        for (const action of script) {
          if (action.type === "request") {
            const number = fates.length
            fates.push(action.fate)
            const controller = new AbortController()
            const request = client.request(
              { type: "SEND", notification: false, body: Uint8Array.of(number) },
              { entityId: id(action.entity), key, signal: controller.signal },
            )
            outcomes.push(
              request.then(
                () => ({ fate: action.fate, number, result: "OK" }),
                (error: unknown) => ({
                  fate: action.fate,
                  number,
                  result: (error as { code?: string }).code ?? (error as Error).message,
                }),
              ),
            )
            if (action.fate === "aborted") controller.abort(new Error("ABORTED"))
          } else if (action.type === "event") {
            sent.push(sent.length + 1)
            session.say({ entityId: id(action.entity), message: msg(sent.length) })
          } else if (action.type === "advance") {
            await clock.advance(action.ms)
          } else {
            await settle()
            answer(false)
            await settle()
          }
        }
        if (end === "local") await client.close()
        else
          session.end(
            end === "ended" ? { type: "ended" } : { type: "error", code: "NETWORK", message: "cut" },
          )
        await client.closed
        const allowed: Record<Fate, readonly string[]> = {
          answered: ["OK", "TIMEOUT", "CLOSED"],
          refused: ["SMP", "TIMEOUT", "CLOSED"],
          silent: ["TIMEOUT", "CLOSED"],
          aborted: ["ABORTED"],
        }
        for (const { fate, result } of await Promise.all(outcomes)) expect(allowed[fate]).toContain(result)
        await consumer
        // What the socket held when we closed it ourselves may be unread; what was read comes in order.
        expect(seen).toEqual(end === "local" ? sent.slice(0, seen.length) : sent)
        expect(clock.pending).toBe(0)
      },
    ),
    { numRuns: process.env["SLOW"] === undefined ? 100 : 2_000 },
  )
})
