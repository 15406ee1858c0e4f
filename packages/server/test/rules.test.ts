import { describe, expect, test } from "vitest"
import { Script } from "./support/script.ts"

const versions = [6, 7, 8, 9, 11, 12, 15, 18]
const secured = ["A NEW messaging subscribe -> A IDS", "B SKEY k1 -> B OK"]
const open = ["A NEW messaging subscribe -> A IDS"]

// smp-commands.md §5, §6, §10: a row is a rule, its lines are a conversation (see `Script`). `from`: the first version that has what it speaks of.
const table: readonly { readonly rule: string; readonly from?: number; readonly lines: readonly string[] }[] =
  [
    {
      rule: "an address gets link data with LSET, which anybody reads with LGET and the recipient replaces",
      from: 15,
      lines: [
        "A NEW contact -> A IDS",
        "B LGET l1 -> B ERR AUTH",
        "A LSET l1 F u1 -> A OK",
        "B LGET l1 -> B LNK F u1",
        "A LSET l1 F u2 -> A OK",
        "C LGET l1 -> C LNK F u2",
        "C LGET l1 -> C LNK F u2",
        "B LGET l2 -> B ERR AUTH",
        "B LGET short -> B ERR AUTH",
      ],
    },
    {
      rule: "LSET with another link id, other fixed data, or an id of another length is AUTH; after LDEL all of it is new",
      from: 15,
      lines: [
        "A NEW contact -> A IDS",
        "A LSET l1 F u1 -> A OK",
        "A LSET l2 F u1 -> A ERR AUTH",
        "A LSET l1 G u1 -> A ERR AUTH",
        "A LSET short F u1 -> A ERR AUTH",
        "B LGET l1 -> B LNK F u1",
        "A LDEL -> A OK",
        "B LGET l1 -> B ERR AUTH",
        "A LDEL -> A OK",
        "A LSET l2 G u2 -> A OK",
        "B LGET l2 -> B LNK G u2",
        "B LGET l1 -> B ERR AUTH",
        "A DEL -> A OK",
        "B LGET l2 -> B ERR AUTH",
      ],
    },
    {
      rule: "LSET and LDEL are the recipient's, and a link id has one queue",
      from: 15,
      lines: [
        "A NEW contact -> A IDS",
        "A LSET l1 F u1 by e1 -> A ERR AUTH",
        "A LSET l1 F u1 -> A OK",
        "A LDEL by e1 -> A ERR AUTH",
        "A NEW contact -> A IDS",
        "A LSET l1 F u9 -> A ERR AUTH",
        "B LGET l1 -> B LNK F u1",
      ],
    },
    {
      rule: "NEW brings the link data of an invitation, which LKEY secures and reads, again only with the same key",
      from: 15,
      lines: [
        "A NEW messaging subscribe link - F u1 -> A IDS+link",
        "B LGET own -> B ERR AUTH",
        "B LKEY e1 by e2 -> B ERR AUTH",
        "A LSET own F u2 -> A OK",
        "B LKEY e1 -> B LNK F u2",
        "B LKEY e1 -> B LNK F u2",
        "C LKEY e2 -> C ERR AUTH",
        "A LSET own F u3 -> A ERR AUTH",
        "B SKEY e1 -> B OK",
        "B SEND m1 -> B ERR AUTH",
      ],
    },
    {
      rule: "the first SEND on a queue that LKEY secured removes its link data",
      from: 15,
      lines: [
        "A NEW messaging subscribe link - F u1 -> A IDS+link",
        "B LKEY e1 -> B LNK F u1",
        "B SEND m1 by e1 -> A* MSG m1, B OK",
        "B LKEY e1 -> B ERR AUTH",
        "A LDEL -> A OK",
      ],
    },
    {
      rule: "NEW brings the link data of an address; SENDs leave them",
      from: 15,
      lines: [
        "A NEW contact subscribe link l1 F u1 -> A IDS+link",
        "B LGET l1 -> B LNK F u1",
        "B SEND m1 -> A* MSG m1, B OK",
        "B LGET l1 -> B LNK F u1",
        "B LKEY e1 -> B ERR AUTH",
        "A NEW contact link l1 F u1 -> A ERR AUTH",
      ],
    },
    {
      rule: "NEW with link data names the sender id that follows from its correlation id",
      from: 15,
      lines: [
        "A NEW messaging link - F u wrong-sender -> A ERR CMD PROHIBITED",
        "A NEW contact link l1 F u wrong-sender -> A ERR CMD PROHIBITED",
      ],
    },
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
      lines: [...open, "A NDEL -> A ERR CMD PROHIBITED"],
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
