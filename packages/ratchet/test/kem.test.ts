import { type Bytes, utf8 } from "@smpkit/codec"
import { sntrup761 } from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  generateX3dhKeys,
  hasKemRoom,
  hybridOf,
  initSendingRatchet,
  ratchetParametersOf,
  ratchetParametersUriOf,
  ratchetReplyOf,
  x3dhInitiator,
  x3dhJoiner,
} from "@smpkit/ratchet"
import { seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { at, connected, newPeers, paddedLength, type Peer, type Wishes } from "./peers.ts"

const all: Wishes = { link: true, joiner: true, initiator: true }

interface Pair {
  readonly joiner: Peer
  readonly initiator: Peer
}

/** Whether each message of a conversation in turns is hybrid, the joiner first; sender and receiver agree on it. */
function turns(peers: Pair, count: number, preferences: readonly (boolean | undefined)[] = []): string {
  let flags = ""
  for (let i = 0; i < count; i++) {
    const [from, to] = i % 2 === 0 ? [peers.joiner, peers.initiator] : [peers.initiator, peers.joiner]
    const { message, hybrid } = from.encrypt(`${i}`, preferences[i % 2])
    const received = to.decrypt(message)
    expect(received.plaintext).toEqual(utf8(`${i}`))
    expect(received.hybrid).toBe(hybrid)
    expect(received.directions.receiving).toBe(hybrid)
    flags += hybrid ? "H" : "-"
  }
  return flags
}

describe("from the key agreement on (double-ratchet.md, KEM step)", () => {
  test.each([
    ["nobody wants it", {}, "------"],
    ["a key in the link, accepted", all, "HHHHHH"],
    [
      "no key in the link: the joiner proposes, the initiator accepts",
      { joiner: true, initiator: true },
      "-HHHHH",
    ],
    ["the joiner proposes, the initiator does not want it", { joiner: true }, "------"],
    ["a key in the link, the joiner does not want it", { link: true, initiator: true }, "------"],
    ["a key in the link, accepted, the initiator wants it no more", { link: true, joiner: true }, "H-----"],
    ["only the initiator wants it, without a key in the link", { initiator: true }, "------"],
  ] as const)("%s", (_name, wishes, expected) => {
    expect(turns(newPeers("kem", 3, 3, wishes), 6)).toBe(expected)
  })

  test("parameters and secrets of both sides, and what tells whether they are hybrid", () => {
    const random = seededRandom("agreement")
    const own = generateX3dhKeys(random, { postQuantum: true })
    const joining = generateX3dhKeys(random, { postQuantum: true })
    const link = ratchetParametersUriOf(own)
    expect(link.kem?.key).toEqual(own.kem?.publicKey)
    const joiner = x3dhJoiner(joining, link, { random })
    const reply = ratchetReplyOf(3, joining, joiner)
    expect(reply.kem?.type).toBe("A")
    const initiator = x3dhInitiator(own, reply)
    expect([joiner.hybrid, initiator.hybrid]).toEqual([true, true])
    expect(initiator.rootKey).toEqual(joiner.rootKey)
    // The secret is in all of them: without it they are others.
    const plain = x3dhJoiner(joining, { ...link, kem: undefined })
    expect(plain.rootKey).not.toEqual(joiner.rootKey)
    // Somebody took the key out of the link: the joiner proposes, and both results say that nothing is hybrid yet.
    const stripped = x3dhJoiner(joining, { ...link, kem: undefined }, { random })
    expect(stripped.hybrid).toBe(false)
    const proposal = ratchetReplyOf(3, joining, stripped)
    expect(proposal.kem?.type).toBe("P")
    const answered = x3dhInitiator(own, proposal)
    expect([answered.hybrid, answered.kem]).toEqual([false, undefined])
    // A re-synchronisation: a proposal is not accepted, and stays for the ratchet.
    const again = x3dhJoiner(joining, ratchetParametersOf(3, own))
    expect([again.hybrid, again.kem?.accepted, again.kem?.publicKey]).toEqual([
      false,
      undefined,
      joining.kem?.publicKey,
    ])
  })

  test("an acceptance without a proposal: KEM_STATE on both sides", () => {
    const random = seededRandom("not proposed")
    const own = generateX3dhKeys(random, { postQuantum: true })
    const joining = generateX3dhKeys(random, { postQuantum: true })
    const joiner = x3dhJoiner(joining, ratchetParametersOf(3, own), { random })
    const reply = ratchetReplyOf(3, joining, joiner)
    const refused = expect.objectContaining({ code: "KEM_STATE" }) as Error
    expect(() => x3dhInitiator({ key1: own.key1, key2: own.key2 }, reply)).toThrow(refused)
    expect(() => x3dhJoiner(own, reply, { random })).toThrow(refused)
    expect(() =>
      initSendingRatchet({ version: 2, secrets: joiner, peerKey: own.key2.publicKey, random }),
    ).toThrow(RangeError)
  })
})

describe("on and off (double-ratchet.md, Turning PQ on and off)", () => {
  test("on: from both sides off to both hybrid", () => {
    const { joiner, initiator } = connected()
    // Who enables first has no key yet: it makes one when the other one's next chain begins.
    expect(hasKemRoom(joiner.state)).toBe(false)
    expect(hasKemRoom(joiner.state, { postQuantum: true })).toBe(true)
    expect(turns({ joiner, initiator }, 6, [true, true])).toBe("---HHH")
    expect(turns({ joiner, initiator }, 4)).toBe("HHHH")
  })

  test("on, and the other side has it off: never hybrid, and the one that wants it learns so", () => {
    const { joiner, initiator } = connected()
    expect(turns({ joiner, initiator }, 12, [true, undefined])).toBe("------------")
    expect([hybridOf(joiner.state), hybridOf(initiator.state)]).toEqual([
      { sending: false, receiving: false },
      { sending: false, receiving: false },
    ])
    // As soon as the other one agrees, it begins.
    expect(turns({ joiner, initiator }, 8, [true, true])).toContain("HHH")
  })

  test("on, asked for once by each side: it stays on without being asked for again", () => {
    const { joiner, initiator } = connected("once")
    expect(turns({ joiner, initiator }, 2, [true, true])).toBe("--")
    expect(turns({ joiner, initiator }, 6)).toBe("-HHHHH")
  })

  test("off: two more messages, one each way, and every change is told once", () => {
    const { joiner, initiator } = connected("off", all)
    const first = joiner.encrypt("off", false)
    expect(first.hybrid).toBe(true)
    const seen = initiator.decrypt(first.message)
    expect([seen.hybrid, seen.changed, seen.directions]).toEqual([
      true,
      [],
      { sending: true, receiving: true },
    ])
    const second = initiator.encrypt("still")
    const ended = joiner.decrypt(second.message)
    expect([second.hybrid, ended.hybrid]).toEqual([true, true])
    expect([ended.changed, ended.directions]).toEqual([["sending"], { sending: false, receiving: true }])
    const third = joiner.encrypt("plain")
    expect(third.hybrid).toBe(false)
    const noticed = initiator.decrypt(third.message)
    expect([noticed.hybrid, noticed.changed, noticed.directions]).toEqual([
      false,
      ["sending", "receiving"],
      { sending: false, receiving: false },
    ])
    const fourth = joiner.decrypt(initiator.send("plain"))
    expect([fourth.changed, fourth.directions]).toEqual([["receiving"], { sending: false, receiving: false }])
    expect(turns({ joiner, initiator }, 4)).toBe("----")
    // Long headers stay.
    expect([joiner, initiator].map((p) => hasKemRoom(p.state))).toEqual([true, true])
  })

  test("off and on again before the other side answers: nothing ends", () => {
    const { joiner, initiator } = connected("twice", all)
    initiator.receive(joiner.send("off", false))
    initiator.receive(joiner.send("on", true))
    joiner.receive(initiator.send("x"))
    expect(turns({ joiner, initiator }, 4)).toBe("HHHH")
  })

  test("off in the middle of a chain whose first messages are lost: what comes later opens", () => {
    const { joiner, initiator } = connected("trap", all)
    joiner.send("lost")
    joiner.send("lost", false)
    const late = joiner.encrypt("late")
    expect(late.hybrid).toBe(true)
    const received = initiator.decrypt(late.message)
    expect([received.plaintext, received.hybrid]).toEqual([utf8("late"), true])
  })

  test("the first chain, of which only a later message arrives", () => {
    const { joiner, initiator } = newPeers("first chain", 3, 3, all)
    const messages = joiner.sendMany(3)
    expect(initiator.decrypt(at(messages, 2)).hybrid).toBe(true)
    expect(initiator.decrypt(at(messages, 0)).hybrid).toBe(true)
    expect(joiner.receive(initiator.send("x"))).toBe("x")
  })
})

describe("a peer that breaks the rules", () => {
  test("an acceptance where nothing was proposed: KEM_STATE, nothing is kept", () => {
    const { joiner, initiator } = connected("kem state", all)
    initiator.state = { ...initiator.state, postQuantum: { ...initiator.state.postQuantum, keys: undefined } }
    expect(initiator.code(joiner.send("hello"))).toBe("KEM_STATE")
  })

  test("a secret for another key: the message does not open, nothing is kept, no key is made", () => {
    const { joiner, initiator } = connected("other key", all)
    const good = initiator.state
    const other = generateX3dhKeys(seededRandom("another"), { postQuantum: true }).kem
    const keys = other && { ...other, accepted: undefined }
    initiator.state = { ...good, postQuantum: { ...good.postQuantum, keys } }
    const message = joiner.send("hello")
    const before = initiator.kemCalls.generated
    expect(initiator.code(message)).toBe("DECRYPT")
    expect(initiator.kemCalls.generated).toBe(before)
    initiator.state = good
    expect(initiator.receive(message)).toBe("hello")
  })

  test("a damaged body in the first message of a chain makes no keys", () => {
    const { joiner, initiator } = connected("damaged", all)
    const message = joiner.send("hello")
    const damaged = message.slice()
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    const before = { ...initiator.kemCalls }
    expect(initiator.code(damaged)).toBe("DECRYPT")
    expect(initiator.kemCalls).toEqual(before)
    expect(initiator.receive(message)).toBe("hello")
  })
})

test("KEM keys are made once for each new chain of the peer, and never by sending", () => {
  const { joiner, initiator } = connected("cost", all)
  const before = { ...initiator.kemCalls }
  for (let trip = 1; trip <= 3; trip++) {
    for (const message of joiner.sendMany(5)) initiator.receive(message)
    for (const message of initiator.sendMany(5)) joiner.receive(message)
    expect(initiator.kemCalls).toEqual({
      generated: before.generated + trip,
      encapsulated: before.encapsulated + trip,
    })
  }
})

test("each message tells whether its own chain is hybrid, also one that comes late and after the store", () => {
  const { joiner, initiator } = connected("late", all)
  initiator.receive(joiner.send("a new chain"))
  const late = joiner.send("late")
  const last = joiner.send("lost at the end of the chain", false)
  joiner.receive(initiator.send("turn"))
  expect(initiator.decrypt(joiner.send("no longer")).hybrid).toBe(false)
  const results = [initiator.decrypt(last), initiator.decrypt(late)]
  expect(results.map((r) => r.hybrid)).toEqual([true, true])
  expect(results.map((r) => [r.changed, r.directions])).toEqual([
    [[], { sending: false, receiving: false }],
    [[], { sending: false, receiving: false }],
  ])
})

describe("versions", () => {
  test("version 2 has no room: nothing is proposed, nothing is hybrid", () => {
    const { joiner, initiator } = newPeers("v2", 2, 2, { joiner: true, initiator: true })
    expect(turns({ joiner, initiator }, 6, [true, true])).toBe("------")
    expect(joiner.kemCalls.generated + initiator.kemCalls.generated).toBe(0)
    expect(hasKemRoom(joiner.state, { postQuantum: true })).toBe(false)
  })

  test("a ratchet of version 2 becomes version 3, and hybrid where both go on asking", () => {
    const { joiner, initiator } = newPeers("upgrade", 2, 3)
    expect(turns({ joiner, initiator }, 8, [true, true])).toBe("---HHHHH")
    expect([joiner.state.version, initiator.state.version]).toEqual([3, 3])
  })
})

test("the KEM can be another implementation", () => {
  const { joiner, initiator } = connected("injected", all)
  const { message } = encrypt(joiner.state, utf8("x"), paddedLength)
  const fixed = sntrup761.generateKeyPair(seededRandom("fixed"))
  const kem = { ...sntrup761, generateKeyPair: (): { publicKey: Bytes; secretKey: Bytes } => fixed }
  const { state } = decrypt(initiator.state, message, { random: seededRandom("r"), now: 0, kem })
  expect(state.postQuantum.keys?.publicKey).toEqual(fixed.publicKey)
})
