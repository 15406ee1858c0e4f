import { type Bytes, concatBytes } from "@smpkit/codec"
import { RatchetError } from "@smpkit/ratchet"
import { describe, expect, test } from "vitest"
import { at, connected, newPeers, type Peer, stateHex } from "./peers.ts"

describe("order, loss and repetition", () => {
  test("messages in order, both ways, over many steps", () => {
    const { joiner, initiator } = newPeers()
    for (let i = 0; i < 6; i++) {
      expect(initiator.receive(joiner.send(`j${i}`))).toBe(`j${i}`)
      expect(initiator.receive(joiner.send(`J${i}`))).toBe(`J${i}`)
      expect(joiner.receive(initiator.send(`i${i}`))).toBe(`i${i}`)
    }
    expect([joiner.state.skipped, initiator.state.skipped]).toEqual([[], []])
  })

  test("messages in reverse order", () => {
    const { joiner, initiator } = connected()
    const messages = joiner.sendMany(5)
    expect(messages.toReversed().map((m) => initiator.receive(m))).toEqual(["m4", "m3", "m2", "m1", "m0"])
    expect(initiator.state.skipped).toEqual([])
  })

  test("messages of older chains come late", () => {
    const { joiner, initiator } = connected()
    const late: Bytes[] = []
    for (let i = 0; i < 4; i++) {
      late.push(...joiner.sendMany(2, `late${i}.`))
      initiator.receive(joiner.send("now"))
      joiner.receive(initiator.send("answer"))
    }
    expect(initiator.state.skipped.length).toBe(4)
    expect(late.map((m) => initiator.receive(m))).toEqual(
      [0, 1, 2, 3].flatMap((i) => [`late${i}.0`, `late${i}.1`]),
    )
    expect(initiator.state.skipped).toEqual([])
  })

  test.each([1, 511, 512])("%i lost messages are bridged", (lost) => {
    const { joiner, initiator } = connected()
    const missing = joiner.sendMany(lost)
    const result = initiator.decrypt(joiner.send("after"))
    expect(result.skipped).toEqual({ added: lost, used: 0, evicted: 0, expired: 0 })
    expect(initiator.receive(at(missing, lost - 1))).toBe(`m${lost - 1}`)
    if (lost > 1)
      expect(initiator.decrypt(at(missing, 0)).skipped).toEqual({ added: 0, used: 1, evicted: 0, expired: 0 })
    expect(initiator.code(at(missing, 0))).toBe("EARLIER")
  })

  test("513 lost messages are not; the state stays usable", () => {
    const { joiner, initiator } = connected()
    const missing = joiner.sendMany(513)
    const error = initiator.refusal(joiner.send("after"))
    expect([error.code, error.count]).toEqual(["SKIPPED", 514])
    expect(initiator.receive(at(missing, 400))).toBe("m400")
    expect(initiator.receive(joiner.send("again"))).toBe("again")
  })

  test("512 lost at the end of a chain and 512 at the start of the next", () => {
    const { joiner, initiator } = connected()
    initiator.receive(joiner.send("a new chain"))
    const end = joiner.sendMany(512, "end")
    joiner.receive(initiator.send("turn"))
    const start = joiner.sendMany(512, "start")
    expect(initiator.decrypt(joiner.send("after")).skipped.added).toBe(1024)
    expect([initiator.receive(at(end, 7)), initiator.receive(at(start, 511))]).toEqual(["end7", "start511"])
  })

  test("513 lost at the end of a chain stop the next one, and nothing of it is kept", () => {
    const { joiner, initiator } = connected()
    initiator.receive(joiner.send("a new chain"))
    const missing = joiner.sendMany(513)
    joiner.receive(initiator.send("turn"))
    const error = initiator.refusal(joiner.send("after"))
    expect([error.code, error.count]).toEqual(["SKIPPED", 514])
    expect(initiator.receive(at(missing, 0))).toBe("m0")
  })
})

describe("the table of errors", () => {
  test("MESSAGE: bytes that are not a message", () => {
    const { joiner, initiator } = connected()
    const message = joiner.send("x")
    const wrong = [
      new Uint8Array(0),
      new Uint8Array(1),
      new Uint8Array(400),
      new Uint8Array(400).fill(0xff),
      message.slice(0, 2),
      message.slice(0, 125),
      message.slice(0, 2 + 124 + 15),
      concatBytes(Uint8Array.of(0, 0x7b), message.slice(2)),
      concatBytes(message.slice(0, 2), Uint8Array.of(0, 1), message.slice(4)), // version 1
      concatBytes(message.slice(0, 2), Uint8Array.of(0, 4), message.slice(4)), // version 4
    ]
    for (const bytes of wrong) expect(initiator.code(bytes)).toBe("MESSAGE")
    expect(initiator.receive(message)).toBe("x")
  })

  test("DUPLICATE: the last message of the chain again", () => {
    const { joiner, initiator } = connected()
    const message = joiner.send("x")
    initiator.receive(message)
    expect(initiator.code(message)).toBe("DUPLICATE")
    expect(initiator.code(message)).toBe("DUPLICATE")
  })

  test("EARLIER: an older message of the chain again, with its distance", () => {
    const { joiner, initiator } = connected()
    const messages = joiner.sendMany(4)
    for (const m of messages) initiator.receive(m)
    const errors = messages.map((m) => initiator.refusal(m))
    expect(errors.map((e) => [e.code, e.count])).toEqual([
      ["EARLIER", 3],
      ["EARLIER", 2],
      ["EARLIER", 1],
      ["DUPLICATE", undefined],
    ])
  })

  test("EARLIER: a message that was opened with a stored key, again", () => {
    const { joiner, initiator } = connected()
    const [first, second] = joiner.sendMany(2)
    initiator.receive(second ?? expect.fail())
    initiator.receive(first ?? expect.fail())
    expect(initiator.code(first ?? expect.fail())).toBe("EARLIER")
  })

  test("HEADER: a message of an older chain again, of another ratchet, or sent back", () => {
    const { joiner, initiator } = connected()
    const [late, old] = joiner.sendMany(2)
    initiator.receive(old ?? expect.fail())
    joiner.receive(initiator.send("answer"))
    initiator.receive(joiner.send("new chain"))
    expect(initiator.code(old ?? expect.fail())).toBe("HEADER") // its header key is still known, its number is not
    initiator.receive(late ?? expect.fail())
    expect(initiator.code(late ?? expect.fail())).toBe("HEADER")
    expect(initiator.code(connected("others").joiner.send("x"))).toBe("HEADER")
    expect(initiator.code(initiator.send("reflected"))).toBe("HEADER")
  })

  test("DECRYPT: the header opens, the body does not; a good copy still opens", () => {
    const { joiner, initiator } = connected()
    const message = joiner.send("x")
    expect(initiator.code(flip(message, message.length - 1))).toBe("DECRYPT")
    expect(initiator.receive(message)).toBe("x")
  })

  test("DECRYPT of a message with a stored key: the key is kept", () => {
    const { joiner, initiator } = connected()
    const late = joiner.send("late")
    initiator.receive(joiner.send("x"))
    expect(initiator.code(flip(late, late.length - 1))).toBe("DECRYPT")
    expect(initiator.state.skipped.length).toBe(1)
    expect(initiator.receive(late)).toBe("late")
  })

  test("DECRYPT of the first message of a chain: no ratchet step is kept", () => {
    const { joiner, initiator } = newPeers()
    const message = joiner.send("x")
    expect(initiator.code(flip(message, message.length - 1))).toBe("DECRYPT")
    expect(initiator.state.receiving).toBeUndefined()
    expect(initiator.receive(message)).toBe("x")
  })

  test("NO_SENDING_CHAIN: the initiator sends before it has received", () => {
    expect(() => newPeers().initiator.send("x")).toThrow(
      expect.objectContaining({ code: "NO_SENDING_CHAIN" }) as Error,
    )
  })

  test("LARGE: a plaintext longer than its padded length holds", () => {
    const { joiner, initiator } = connected()
    const before = stateHex(joiner.state)
    expect(() => joiner.send("x".repeat(199))).toThrow(expect.objectContaining({ code: "LARGE" }) as Error)
    expect(stateHex(joiner.state)).toBe(before)
    expect(initiator.receive(joiner.send("x".repeat(198)))).toBe("x".repeat(198))
  })

  test("COUNTER: a chain gives its last number once, and no number is opened behind it", () => {
    const { joiner, initiator } = connected()
    initiator.receive(joiner.send("a new chain"))
    joiner.state = { ...joiner.state, sent: 0xfffffffe }
    initiator.state = { ...initiator.state, received: 0xfffffffe }
    expect(initiator.receive(joiner.send("the last"))).toBe("the last")
    expect(() => joiner.send("one more")).toThrow(expect.objectContaining({ code: "COUNTER" }) as Error)
    const wrapped: Peer = connected().joiner
    wrapped.state = { ...joiner.state, sent: 0xffffffff }
    expect(() => wrapped.send("x")).toThrow(RatchetError)
  })

  test("narrowing by code", () => {
    const error: unknown = new RatchetError("EARLIER", "text", 3)
    expect(RatchetError.is(error, "EARLIER") && error.count + 1).toBe(4)
    expect(RatchetError.is(error, "HEADER")).toBe(false)
    expect(RatchetError.is(new Error("HEADER"), "HEADER")).toBe(false)
  })
})

test("damage of any byte: a typed error, the state as it was, and a good copy still opens", () => {
  const { joiner, initiator } = connected()
  const codes = new Map<string, number>()
  const late = joiner.send("late")
  for (const damaged of [late, joiner.send("x")]) {
    if (damaged !== late) initiator.receive(joiner.send("between"))
    for (let i = 0; i < damaged.length; i++) {
      for (const bit of [1, 0x80]) {
        const code = initiator.code(flip(damaged, i, bit))
        codes.set(code, (codes.get(code) ?? 0) + 1)
      }
    }
    expect(initiator.receive(damaged)).not.toBe("")
  }
  // Lengths and version: MESSAGE. Header IV, tag, ciphertext: HEADER. Version 2 for 3: the header is read in another layout.
  expect([...codes.keys()].sort()).toEqual(
    expect.arrayContaining(["DECRYPT", "HEADER", "MESSAGE"]) as string[],
  )
  expect(codes.get("HEADER")).toBe(2 * 2 * (16 + 16 + 88))
  expect(codes.get("DECRYPT")).toBeGreaterThanOrEqual(2 * 2 * (16 + 200))
})

test("truncated and extended messages", () => {
  const { joiner, initiator } = connected()
  const message = joiner.send("x")
  for (let length = 0; length < message.length; length++) initiator.code(message.slice(0, length))
  expect(initiator.code(concatBytes(message, Uint8Array.of(0x23)))).toBe("DECRYPT")
  expect(initiator.receive(message)).toBe("x")
})

function flip(message: Bytes, index: number, bit = 1): Bytes {
  const out = message.slice()
  out[index] = (out[index] ?? 0) ^ bit
  return out
}
