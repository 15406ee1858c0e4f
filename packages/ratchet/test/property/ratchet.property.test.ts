import { type Bytes, decode, encode, toHex, WireError } from "@smpkit/codec"
import {
  hybridX3dhKeys,
  parseRatchetParametersUri,
  proposedRatchetParameters,
  RatchetError,
  ratchetParameters,
  ratchetParametersOf,
  ratchetParametersUri,
  ratchetState,
  x3dhKeys,
} from "@smpkit/ratchet"
import { seededRandom } from "@smpkit/testkit"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ratchetHeader, sealedHeader } from "../../src/header.ts"
import { kemParameter } from "../../src/kem.ts"
import { generateX3dhKeys } from "../../src/x3dh-keys.ts"
import { connected, newPeers, newRatchets, type Peer } from "../peers.ts"

const slow = process.env["SLOW"] === "1"
const runs = { numRuns: slow ? 2000 : 60 }
const manyRuns = { numRuns: slow ? 20000 : 500 }

const bytes = (constraints?: fc.IntArrayConstraints): fc.Arbitrary<Bytes> =>
  fc.uint8Array(constraints).map((b) => new Uint8Array(b))

type Side = "joiner" | "initiator"
type Step =
  | { readonly type: "send"; readonly from: Side }
  /** Delivers a message that waits (any of them: reordering) or one that was delivered before (repetition). */
  | { readonly type: "deliver"; readonly to: Side; readonly pick: number; readonly again: boolean }
  | { readonly type: "lose"; readonly to: Side; readonly pick: number }
  | { readonly type: "damage"; readonly to: Side; readonly pick: number; readonly at: number }
  | { readonly type: "restart"; readonly side: Side }

const side = fc.constantFrom<Side>("joiner", "initiator")
const pick = fc.nat(1000)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("send" as const), from: side }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant("deliver" as const), to: side, pick, again: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("lose" as const), to: side, pick }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("damage" as const), to: side, pick, at: pick }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const), side }) },
)

interface Sent {
  readonly text: string
  readonly message: Bytes
}

/** Plays steps; the checks on mutation stand in `Peer`. Every message opens exactly once, with its own text, in any order. */
function play(peers: { joiner: Peer; initiator: Peer }, steps: readonly Step[]): void {
  const waiting: Record<Side, Sent[]> = { joiner: [], initiator: [] }
  const delivered: Record<Side, Sent[]> = { joiner: [], initiator: [] }
  const keysSeen = new Set<string>()
  let count = 0
  for (const s of steps) {
    switch (s.type) {
      case "send": {
        const peer = peers[s.from]
        if (peer.state.sending === undefined) break
        const text = `${s.from} ${count++}`
        const chain = toHex(peer.state.sending.chainKey)
        expect(keysSeen.has(chain)).toBe(false) // one chain key, one message
        keysSeen.add(chain)
        waiting[s.from === "joiner" ? "initiator" : "joiner"].push({ text, message: peer.send(text) })
        break
      }
      case "deliver": {
        const pool = s.again ? delivered[s.to] : waiting[s.to]
        const item = pool[s.pick % Math.max(pool.length, 1)]
        if (item === undefined) break
        if (s.again) {
          expect(["DUPLICATE", "EARLIER", "HEADER"]).toContain(peers[s.to].code(item.message))
        } else {
          expect(peers[s.to].receive(item.message)).toBe(item.text)
          pool.splice(pool.indexOf(item), 1)
          delivered[s.to].push(item)
        }
        break
      }
      case "lose":
        waiting[s.to].splice(s.pick % Math.max(waiting[s.to].length, 1), 1)
        break
      case "damage": {
        const item = waiting[s.to][s.pick % Math.max(waiting[s.to].length, 1)]
        if (item === undefined) break
        const damaged = item.message.slice()
        const at = s.at % damaged.length
        damaged[at] = (damaged[at] ?? 0) ^ (1 + (s.at % 255))
        peers[s.to].refusal(damaged)
        break
      }
      case "restart": {
        const peer = peers[s.side]
        peer.state = decode(ratchetState, encode(ratchetState, peer.state))
        break
      }
      default:
        s satisfies never
    }
  }
}

describe("two ratchets under loss, repetition, reordering, damage and restarts", () => {
  test("of version 3", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        play(newPeers("property"), steps)
      }),
      runs,
    )
  })
  test("of version 2 on the way to 3", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        play(newPeers("property 2", 2, 3), steps)
      }),
      runs,
    )
  })
})

describe("what does not decode", () => {
  const { initiator } = connected()

  test("bytes that are no message: a typed error, the state as it was", () => {
    fc.assert(
      fc.property(bytes({ maxLength: 600 }), (message) => {
        expect(["MESSAGE", "HEADER"]).toContain(initiator.code(message))
      }),
      manyRuns,
    )
  })

  const keys = generateX3dhKeys(seededRandom("malformed"))
  const hybridKeys = generateX3dhKeys(seededRandom("hybrid"), { postQuantum: true })
  const codecs = {
    ratchetParameters: [ratchetParameters, encode(ratchetParameters, ratchetParametersOf(3, keys))],
    proposedRatchetParameters: [
      proposedRatchetParameters,
      encode(ratchetParameters, ratchetParametersOf(2, keys)),
    ],
    ratchetParametersUri: [
      ratchetParametersUri,
      encode(ratchetParametersUri, {
        ...ratchetParametersOf(3, keys),
        kem: undefined,
        versions: { min: 2, max: 3 },
      }),
    ],
    kemParameter: [kemParameter, Uint8Array.of(0x50, 4, 0x86, ...new Uint8Array(1158))],
    sealedHeader: [sealedHeader, Uint8Array.of(0, 3, ...new Uint8Array(32), 0, 88, ...new Uint8Array(88))],
    x3dhKeys: [x3dhKeys, encode(x3dhKeys, keys)],
    hybridX3dhKeys: [hybridX3dhKeys, encode(hybridX3dhKeys, { ...keys, kem: hybridKeys.kem })],
    ratchetState: [ratchetState, encode(ratchetState, newRatchets().joiner)],
    "hybrid ratchetState": [
      ratchetState,
      encode(ratchetState, newRatchets("hybrid", 3, 3, { link: true, joiner: true, initiator: true }).joiner),
    ],
  } as const

  const changed = (valid: Bytes): fc.Arbitrary<Bytes> =>
    fc.oneof(
      bytes({ maxLength: 200 }),
      fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
        const out = valid.slice()
        out[at] = (out[at] ?? 0) ^ mask
        return out
      }),
      fc.nat(valid.length - 1).map((length) => valid.slice(0, length)),
      bytes({ minLength: 1, maxLength: 3 }).map((more) => Uint8Array.of(...valid, ...more)),
    )

  test.each(Object.entries(codecs))("%s: WireError, or the same bytes again", (name, [codec, valid]) => {
    fc.assert(
      fc.property(changed(valid), (input) => {
        const again = reencoded(codec as Parameters<typeof reencoded>[0], input)
        // A length of one byte is read where a sealed header of version 3 writes two, and the other way round.
        if (name === "sealedHeader") return
        // A state of the first release's layout is written in the new one.
        const state = name === "ratchetState" || name === "hybrid ratchetState"
        const wanted = state ? toHex(input).replace(/^01/, "02") : toHex(input)
        if (again !== undefined) expect(again).toBe(wanted)
      }),
      manyRuns,
    )
  })

  function reencoded<T>(codec: Parameters<typeof decode<T>>[0], input: Bytes): string | undefined {
    let value: T
    try {
      value = decode(codec, input)
    } catch (error) {
      expect(error).toBeInstanceOf(WireError)
      return undefined
    }
    return toHex(encode(codec, value))
  }

  test("plain headers ignore what stands behind them", () => {
    const header = {
      maxVersion: 3,
      key: keys.key1.publicKey,
      kem: undefined,
      previousSent: 5,
      number: 7,
    }
    for (const version of [2, 3]) {
      const valid = encode(ratchetHeader(version), header)
      expect(valid.length).toBe(version === 2 ? 79 : 80)
      fc.assert(
        fc.property(bytes({ maxLength: 8 }), (more) => {
          expect(decode(ratchetHeader(version), Uint8Array.of(...valid, ...more))).toEqual(header)
        }),
        runs,
      )
    }
  })

  test("text parameters: WireError or a value", () => {
    const piece = fc.constantFrom(
      "v",
      "x3dh",
      "kem_key",
      "kem_ct",
      "=",
      "&",
      ",",
      "2-3",
      "3",
      "AAAA",
      "-",
      "%",
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((p) => p.join("")),
        ),
        (text) => {
          try {
            parseRatchetParametersUri(text)
          } catch (error) {
            expect(error).toBeInstanceOf(WireError)
          }
        },
      ),
      manyRuns,
    )
  })

  test("RatchetError is the only error of decrypt", () => {
    expect(initiator.refusal(new Uint8Array(3))).toBeInstanceOf(RatchetError)
  })
})
