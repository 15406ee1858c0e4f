import { type Bytes, decode, encode } from "@smpkit/codec"
import { hybridOf, ratchetState, skippedLimits } from "@smpkit/ratchet"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { countSkipped, headerKeysOf } from "../../src/skipped-keys.ts"
import { at, newPeers, type Peer, type Wishes } from "../peers.ts"

// Two ratchets in any order of sending, loss, repetition, reordering, damage, restarts and changes of mind, of any versions.

const slow = process.env["SLOW"] === "1"
const runs = { numRuns: slow ? 500 : 30 }

type Side = "joiner" | "initiator"
const other = (side: Side): Side => (side === "joiner" ? "initiator" : "joiner")

type Step =
  | { readonly type: "send"; readonly from: Side; readonly postQuantum: boolean | undefined }
  | { readonly type: "deliver"; readonly to: Side; readonly pick: number }
  /** A message that came before, or the one that came last. */
  | { readonly type: "repeat"; readonly to: Side; readonly pick: number | undefined }
  | { readonly type: "lose"; readonly to: Side; readonly pick: number }
  | { readonly type: "damage"; readonly to: Side; readonly pick: number; readonly at: number }
  | { readonly type: "restart"; readonly side: Side }

const side = fc.constantFrom<Side>("joiner", "initiator")
const pick = fc.nat(1000)
const kind = <T extends Step["type"]>(type: T): fc.Arbitrary<T> => fc.constant(type)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: kind("send"),
      from: side,
      postQuantum: fc.constantFrom(undefined, undefined, true, true, false),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: kind("deliver"), to: side, pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: kind("repeat"), to: side, pick: fc.option(pick, { nil: undefined }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: kind("lose"), to: side, pick }) },
  { weight: 1, arbitrary: fc.record({ type: kind("damage"), to: side, pick, at: pick }) },
  { weight: 1, arbitrary: fc.record({ type: kind("restart"), side }) },
)
const wishes: fc.Arbitrary<Wishes> = fc.record({
  link: fc.boolean(),
  joiner: fc.boolean(),
  initiator: fc.boolean(),
})
/** Agreed version, and the highest of both sides. */
const versions = fc.constantFrom<readonly [number, number]>([3, 3], [3, 3], [2, 3], [2, 2])

interface Sent {
  readonly text: string
  readonly message: Bytes
  readonly hybrid: boolean
}

/** What one side was sent, got, and lost the keys of. */
class Inbox {
  readonly waiting: Sent[] = []
  readonly delivered: Sent[] = []
  /** The one that came last, as long as its chain goes on behind it. */
  last: Sent | undefined
  evicted = 0

  item(from: readonly Sent[], pick: number): Sent | undefined {
    return from[pick % Math.max(from.length, 1)]
  }

  take(item: Sent): void {
    this.waiting.splice(this.waiting.indexOf(item), 1)
  }
}

class Conversation {
  readonly peers: Readonly<Record<Side, Peer>>
  readonly inboxes: Readonly<Record<Side, Inbox>> = { joiner: new Inbox(), initiator: new Inbox() }
  #count = 0

  constructor(peers: Readonly<Record<Side, Peer>>) {
    this.peers = peers
  }

  play(s: Step): void {
    switch (s.type) {
      case "send":
        this.send(s.from, s.postQuantum)
        break
      case "deliver": {
        const inbox = this.inboxes[s.to]
        const item = inbox.item(inbox.waiting, s.pick)
        if (item !== undefined) this.#deliver(s.to, item)
        break
      }
      case "repeat": {
        const { last, delivered } = this.inboxes[s.to]
        const again = s.pick === undefined ? last : this.inboxes[s.to].item(delivered, s.pick)
        if (again === undefined) break
        const code = this.peers[s.to].code(again.message)
        if (again === last) expect(code).toBe("DUPLICATE")
        else expect(["EARLIER", "HEADER"]).toContain(code)
        break
      }
      case "lose": {
        const { waiting } = this.inboxes[s.to]
        waiting.splice(s.pick % Math.max(waiting.length, 1), 1)
        break
      }
      case "damage": {
        const inbox = this.inboxes[s.to]
        const item = inbox.item(inbox.waiting, s.pick)
        if (item === undefined) break
        const damaged = item.message.slice()
        const place = s.at % damaged.length
        damaged[place] = (damaged[place] ?? 0) ^ (1 + (s.at % 255))
        this.peers[s.to].refusal(damaged)
        break
      }
      case "restart": {
        const peer = this.peers[s.side]
        peer.state = decode(ratchetState, encode(ratchetState, peer.state))
        break
      }
      default:
        s satisfies never
    }
  }

  /** `Peer` checks the lengths, and that results tell of both directions what the state says. */
  send(from: Side, postQuantum: boolean | undefined): Sent | undefined {
    const peer = this.peers[from]
    if (peer.state.sending === undefined) return undefined
    const before = hybridOf(peer.state)
    const text = `${from} ${this.#count++}`
    const { message, hybrid } = peer.encrypt(text, postQuantum)
    expect(hybridOf(peer.state)).toEqual(before)
    const sent = { text, message, hybrid }
    this.inboxes[other(from)].waiting.push(sent)
    return sent
  }

  #deliver(to: Side, item: Sent): void {
    const inbox = this.inboxes[to]
    const peer = this.peers[to]
    const generated = peer.kemCalls.generated
    inbox.take(item)
    if (inbox.evicted > 0 && !this.#opens(to, item)) return
    const { plaintext, hybrid, skipped, directions, changed } = peer.decrypt(item.message)
    expect(new TextDecoder().decode(plaintext)).toBe(item.text)
    expect(hybrid).toBe(item.hybrid)
    inbox.evicted += skipped.evicted
    inbox.delivered.push(item)
    // A message from a stored key changes nothing; any other one is of the newest chain, and comes last in it.
    if (skipped.used > 0) expect(changed).toEqual([])
    else {
      inbox.last = item
      expect(directions.receiving).toBe(hybrid)
    }
    expect(peer.kemCalls.generated - generated).toBeLessThanOrEqual(1)
    expect(countSkipped(peer.state.skipped)).toBeLessThanOrEqual(skippedLimits.perConnection)
    expect(headerKeysOf(peer.state.skipped).length).toBeLessThanOrEqual(skippedLimits.headerKeys)
  }

  /** Where keys were evicted, a message may be one of those that are lost. */
  #opens(to: Side, item: Sent): boolean {
    const { state } = this.peers[to]
    try {
      this.peers[to].decrypt(item.message)
    } catch {
      expect(["EARLIER", "HEADER"]).toContain(this.peers[to].code(item.message))
      return false
    }
    this.peers[to].state = state
    return true
  }

  /** Messages in turns, all of which arrive: whether each is hybrid. */
  turns(count: number, preference: boolean): readonly boolean[] {
    const flags: boolean[] = []
    for (let i = 0; i < count; i++) {
      const from: Side = i % 2 === 0 ? "joiner" : "initiator"
      const sent = this.send(from, preference)
      if (sent === undefined) throw new Error("a side that cannot send yet")
      this.#deliver(other(from), sent)
      flags.push(sent.hybrid)
    }
    return flags
  }
}

describe("two ratchets with post-quantum agreement on, off and changed", () => {
  const start = fc.record({ wishes, versions, steps: fc.array(step, { maxLength: 60 }), end: fc.boolean() })

  test("what arrives opens once, both sides agree on what is hybrid, and both get in the end what both want", () => {
    fc.assert(
      fc.property(start, ({ wishes: wanted, versions: [version, max], steps, end }) => {
        const conversation = new Conversation(newPeers("pq", version, max, version === 2 ? {} : wanted))
        for (const s of steps) conversation.play(s)
        const flags = conversation.turns(10, end)
        const hybrid = end && max === 3
        expect(flags.slice(-2)).toEqual([hybrid, hybrid])
        for (const peer of Object.values(conversation.peers)) {
          expect(hybridOf(peer.state)).toEqual({ sending: hybrid, receiving: hybrid })
        }
      }),
      runs,
    )
  }, 600_000)
})

test("skipped keys stay within their bounds in a hybrid conversation, and keep telling whether they are hybrid", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(512), fc.boolean()), { minLength: 8, maxLength: 12 }), (chains) => {
      const { joiner, initiator } = newPeers("flood", 3, 3, { link: true, joiner: true, initiator: true })
      let evicted = 0
      let added = 0
      const firsts: { readonly message: Bytes; readonly hybrid: boolean }[] = []
      for (const [gap, on] of chains) {
        const skipped = Array.from({ length: gap }, () => joiner.encrypt("skipped", on))
        firsts.push(...skipped.slice(0, 1))
        const { skipped: changes } = initiator.decrypt(joiner.send("arrives", on))
        added += changes.added
        evicted += changes.evicted
        joiner.receive(initiator.send("turn", on))
      }
      expect(added).toBe(chains.reduce((sum, [gap]) => sum + gap, 0))
      const kept = countSkipped(initiator.state.skipped)
      expect(kept).toBe(added - evicted)
      expect(kept).toBeLessThanOrEqual(2048)
      expect(headerKeysOf(initiator.state.skipped).length).toBeLessThanOrEqual(8)
      // The youngest chain is never the one that goes.
      if (firsts.length > 0) {
        const youngest = at(firsts, firsts.length - 1)
        expect(initiator.decrypt(youngest.message).hybrid).toBe(youngest.hybrid)
      }
    }),
    { numRuns: slow ? 50 : 3 },
  )
}, 600_000)
