import { describe, expect, test } from "vitest"
import { Script } from "./support/script.ts"

const versions = [6, 7, 8, 9, 11, 12, 15, 18]
const secured = ["A NEW messaging subscribe -> A IDS", "B SKEY k1 -> B OK"]
const open = ["A NEW messaging subscribe -> A IDS"]

// smp-commands.md §5, §6, §10: a row is a rule, its lines are a conversation (see `Script`). `from`: the first version that has what it speaks of.
const table: readonly { readonly rule: string; readonly from?: number; readonly lines: readonly string[] }[] =
  [
    { rule: "PING is answered by PONG", lines: ["A PING -> A PONG"] },
    {
      rule: "a message is pushed to the subscriber, its sender is told OK",
      lines: [...open, "B SEND m1 -> A* MSG m1, B OK", "A ACK last -> A OK"],
    },
    {
      rule: "NEW without subscription delivers nothing before SUB",
      lines: ["A NEW messaging -> A IDS", "B SEND m1 -> B OK", "A SUB -> A SOK, A* MSG m1"],
    },
    {
      rule: "one message is outstanding at a time, ACK gives the next",
      lines: [
        ...open,
        "B SEND m1 -> A* MSG m1, B OK",
        "B SEND m2 -> B OK",
        "B SEND m3 -> B OK",
        "A ACK last -> A MSG m2",
        "A ACK last -> A MSG m3",
        "A ACK last -> A OK",
      ],
    },
    { rule: "SUB on an empty queue is answered alone", lines: [...open, "A SUB -> A SOK"] },
    {
      rule: "a repeated SUB delivers the head again",
      lines: [...open, "B SEND m1 -> A* MSG m1, B OK", "A SUB -> A SOK, A* MSG m1", "A ACK last -> A OK"],
    },
    {
      rule: "SUB elsewhere ends the former subscriber, whose ACK is NO_MSG",
      lines: [
        ...open,
        "B SEND m1 -> A* MSG m1, B OK",
        "C SUB -> A* END, C SOK, C* MSG m1",
        "A ACK last -> A ERR NO_MSG",
        "B SEND m2 -> B OK",
        "C ACK last -> C MSG m2",
      ],
    },
    {
      rule: "a closed connection's message goes to the next subscriber",
      lines: [...open, "B SEND m1 -> A* MSG m1, B OK", "A close -> ", "C SUB -> C SOK, C* MSG m1"],
    },
    {
      rule: "ACK with another id, or without anything outstanding, is NO_MSG",
      lines: [
        ...open,
        "A ACK other -> A ERR NO_MSG",
        "B SEND m1 -> A* MSG m1, B OK",
        "A ACK other -> A ERR NO_MSG",
        "A ACK last -> A OK",
        "A ACK last -> A ERR NO_MSG",
      ],
    },
    {
      rule: "ACK with an empty id gives the head again",
      lines: [...open, "B SEND m1 -> A* MSG m1, B OK", "A ACK empty -> A MSG m1", "A ACK last -> A OK"],
    },
    {
      rule: "ACK without SUB or GET is NO_MSG",
      lines: ["A NEW messaging -> A IDS", "B SEND m1 -> B OK", "A ACK other -> A ERR NO_MSG"],
    },
    {
      rule: "GET gives the head, again and again, and does not subscribe",
      lines: [
        "A NEW messaging -> A IDS",
        "A GET -> A OK",
        "B SEND m1 -> B OK",
        "A GET -> A MSG m1",
        "A GET -> A MSG m1",
        "A ACK last -> A OK",
        "A GET -> A OK",
      ],
    },
    {
      rule: "GET leaves a subscriber elsewhere alone",
      lines: [...open, "C GET -> C OK", "B SEND m1 -> A* MSG m1, B OK"],
    },
    {
      rule: "GET on a subscribed connection, and SUB after GET, are prohibited",
      lines: [...open, "A GET -> A ERR CMD PROHIBITED", "C GET -> C OK", "C SUB -> C ERR CMD PROHIBITED"],
    },
    {
      rule: "what a GET client removed is skipped by the subscriber's ACK",
      lines: [
        ...open,
        "B SEND m1 -> A* MSG m1, B OK",
        "B SEND m2 -> B OK",
        "C GET -> C MSG m1",
        "C ACK last -> C OK",
        "A ACK empty -> A MSG m2",
      ],
    },
    {
      rule: "KEY is set once; the same again is OK, another AUTH",
      lines: [...open, "A KEY k1 -> A OK", "A KEY k1 -> A OK", "A KEY k2 -> A ERR AUTH"],
    },
    {
      rule: "KEY works on a contact queue",
      from: 9,
      lines: ["A NEW contact -> A IDS", "A KEY k1 -> A OK", "B SEND m1 by k1 -> B OK"],
    },
    {
      rule: "SKEY secures a messaging queue once",
      from: 9,
      lines: [
        ...secured,
        "B SKEY k1 -> B OK",
        "C SKEY k2 -> C ERR AUTH",
        "A KEY k1 -> A OK",
        "A KEY k2 -> A ERR AUTH",
      ],
    },
    {
      rule: "SKEY is AUTH on a contact queue",
      from: 9,
      lines: ["A NEW contact -> A IDS", "B SKEY k1 -> B ERR AUTH"],
    },
    {
      rule: "SKEY is AUTH on a queue without mode",
      from: 15,
      lines: ["A NEW none -> A IDS", "B SKEY k1 -> B ERR AUTH", "A KEY k1 -> A OK"],
    },
    {
      rule: "a secured queue takes authorized messages only",
      lines: [
        ...open,
        "A KEY k1 -> A OK",
        "B SEND m1 -> B ERR AUTH",
        "B SEND m2 by k2 -> B ERR AUTH",
        "B SEND m3 by k1 -> A* MSG m3, B OK",
      ],
    },
    {
      rule: "an open queue takes messages without authorization only",
      lines: [...open, "B SEND m1 by k1 -> B ERR AUTH", "B SEND m2 -> A* MSG m2, B OK"],
    },
    {
      rule: "an Ed448 sender is accepted",
      lines: [...open, "A KEY g1 -> A OK", "B SEND m1 by g1 -> A* MSG m1, B OK"],
    },
    {
      rule: "an X25519 sender is accepted",
      from: 7,
      lines: [
        ...open,
        "A KEY x1 -> A OK",
        "B SEND m1 by x1 -> A* MSG m1, B OK",
        "B SEND m2 by x2 -> B ERR AUTH",
        "B SEND m3 by k1 -> B ERR AUTH",
      ],
    },
    {
      rule: "recipient commands need the recipient's key",
      lines: [...open, "C SUB by k1 -> C ERR AUTH", "C DEL by g1 -> C ERR AUTH", "C SUB -> A* END, C SOK"],
    },
    {
      rule: "OFF refuses senders and keeps what is there",
      lines: [
        ...open,
        "B SEND m1 -> A* MSG m1, B OK",
        "B SEND m2 -> B OK",
        "A OFF -> A OK",
        "A OFF -> A OK",
        "B SEND m3 -> B ERR AUTH",
        "A ACK last -> A MSG m2",
        "A SUB -> A SOK, A* MSG m2",
      ],
    },
    {
      rule: "DEL ends everything; the subscriber elsewhere is told",
      lines: [
        ...open,
        "B SEND m1 -> A* MSG m1, B OK",
        "C DEL -> A* DELD, C OK",
        "C DEL -> C ERR AUTH",
        "A SUB -> A ERR AUTH",
        "B SEND m2 -> B ERR AUTH",
        "A ACK last -> A ERR AUTH",
      ],
    },
    { rule: "the connection that deletes gets the answer only", lines: [...open, "A DEL -> A OK"] },
    {
      rule: "QUE tells sizes and no ids",
      lines: [
        ...open,
        'A QUE -> A INFO {"qiSnd":false,"qiNtf":false,"qiSize":0}',
        "B SEND m1 -> A* MSG m1, B OK",
        "A KEY k1 -> A OK",
        'A QUE -> A INFO {"qiSnd":true,"qiNtf":false,"qiSize":1}',
      ],
    },
    {
      rule: "a full queue stores a marker, refuses until it is drained, and then goes on",
      lines: [
        "A NEW messaging subscribe -> A IDS",
        "B SEND m1 -> A* MSG m1, B OK",
        "B SEND m2 -> B OK",
        "B SEND m3 -> B OK",
        "B SEND m4 -> B ERR QUOTA",
        "B SEND m5 -> B ERR QUOTA",
        "A ACK last -> A MSG m2",
        "B SEND m6 -> B ERR QUOTA",
        "A ACK last -> A MSG m3",
        "A ACK last -> A MSG (quota)",
        "B SEND m7 -> B ERR QUOTA",
        "A ACK last -> A OK",
        "B SEND m8 -> A* MSG m8, B OK",
      ],
    },
    {
      rule: "a command that is known and not served is prohibited",
      lines: [...open, "A LDEL -> A ERR CMD PROHIBITED"],
    },
  ]

for (const version of versions) {
  describe(`version ${version}`, () => {
    test.each(table.filter(({ from = 6 }) => from <= version).map((row) => [row.rule, row.lines] as const))(
      "%s",
      async (_rule, lines) => {
        const script = new Script(version, { limits: { quota: 3 } })
        for (const line of lines) {
          const [left = "", right = ""] = line.split(" ->")
          const said = await script.run(left)
          // Between connections there is no order; older clients know neither SOK nor DELD.
          let expected = right.trim()
          if (version < 16) expected = expected.replace(/\bSOK\b/g, "OK")
          if (version < 10) expected = expected.replace(/\bDELD\b/g, "END")
          expect(said, line).toBe(expected)
        }
      },
    )
  })
}

describe("the limit of a body", () => {
  test.each([
    [6, 16088],
    [7, 16088],
    [8, 16064],
    [10, 16064],
    [11, 16048],
    [18, 16048],
  ])("version %i: %i bytes", async (version, limit) => {
    const script = new Script(version)
    await script.run("A NEW messaging subscribe")
    expect(await script.run(`B SEND ${limit + 1}bytes`)).toBe("B ERR LARGE_MSG")
    expect(await script.run(`B SEND ${limit}bytes`)).toBe(`A* MSG ${limit}bytes, B OK`)
  })
})
