import type { Integrity } from "../../src/index.ts"
import type { Letter } from "./letters.ts"

/** A message that the agent has stored for its application. */
export interface Entry {
  readonly letter: Letter
  readonly integrity: Integrity
  shown: number
  /** After which transaction the acknowledgement had resolved. */
  acknowledgedAt: number | undefined
}

/** What the application is to hear once, or again after a crash. */
export interface Report {
  readonly code: "A_CRYPTO" | "A_PROHIBITED" | "A_INTEGRITY"
  /** Part of the message. */
  readonly text: string
  heard: number
}

/** A letter that the agent has dealt with. */
export interface Taken {
  readonly letter: Letter
  readonly smpMsgId: string
  /** Whether it was decrypted, by what the transaction wrote. */
  readonly opened: boolean
  entry: Entry | undefined
  report: Report | undefined
}

/** One transaction of an agent's store. */
export interface Step {
  readonly number: number
  readonly sealed: readonly Letter[]
  readonly taken: Taken | undefined
  /** The ratchet that is in use after it, if it changed. */
  readonly ratchet: string | undefined
}

/**
 * What an agent must have made of all that came, independently of its own code: the integrity table of the specification over the numbers of what was taken,
 * in the order in which it was taken. Every transaction is a step, so that a crash or a restored copy takes back what its store does not have.
 */
export class History {
  #steps: Step[] = []
  last: { readonly number: number; readonly letter: Letter } | undefined
  lastSealed: Letter | undefined
  ratchet = ""
  #seen = new Set<string>()
  #taken = new Set<string>()
  #failed = new Set<string>()
  #earlyTest: Letter | undefined
  /** Nothing has come over the ratchet, which is not the first. */
  #isNew = false
  /** Whether a copy has come back, and the ratchet is still that of the copy. */
  #uncertain: string | undefined
  readonly violations: string[] = []

  get entries(): readonly Entry[] {
    return this.#steps.flatMap(({ taken }) => taken?.entry ?? [])
  }

  get reports(): readonly Report[] {
    return this.#steps.flatMap(({ taken }) => taken?.report ?? [])
  }

  /** All that was taken, in order: to tell a failure. */
  get taken(): readonly Taken[] {
    return this.#steps.flatMap(({ taken }) => taken ?? [])
  }

  has(smpMsgId: string): boolean {
    return this.#taken.has(smpMsgId)
  }

  hasOpened(letter: Letter): boolean {
    return this.#seen.has(letter.key)
  }

  add(step: Step): void {
    this.#steps.push(step)
    this.#apply(step, true)
  }

  /** The store is as it was after a step. */
  backTo(number: number, restored: boolean): void {
    const steps = this.#steps.filter((step) => step.number <= number)
    this.#steps = []
    this.last = this.lastSealed = this.#earlyTest = undefined
    this.ratchet = ""
    this.#isNew = false
    this.#seen = new Set()
    this.#taken = new Set()
    this.#failed = new Set()
    for (const step of steps) {
      const { entry } = step.taken ?? {}
      if (restored && entry?.acknowledgedAt !== undefined && entry.acknowledgedAt > number)
        entry.acknowledgedAt = undefined
      this.#steps.push(step)
      this.#apply(step, false)
    }
    if (restored) this.#uncertain = this.ratchet
  }

  #apply({ sealed, taken, ratchet }: Step, isNew: boolean): void {
    this.lastSealed = sealed.at(-1) ?? this.lastSealed
    if (taken !== undefined) {
      this.#taken.add(taken.smpMsgId)
      this.#take(taken, isNew)
    }
    if (ratchet === undefined || ratchet === this.ratchet) return
    this.#isNew = this.ratchet !== ""
    this.ratchet = ratchet
  }

  #take(taken: Taken, isNew: boolean): void {
    const { letter, opened } = taken
    if (letter.type === "AgentRatchetKey") {
      if (this.last === undefined) taken.report ??= { code: "A_PROHIBITED", text: "", heard: 0 }
      return
    }
    if (letter.type === "confirmation" || letter.type === "draft") {
      this.last ??= { number: letter.number, letter }
      return
    }
    if (this.#seen.has(letter.key)) {
      if (isNew && opened) this.violations.push(`${letter.name} was opened twice`)
      return
    }
    const readable = this.last !== undefined && letter.ratchet === this.ratchet
    if (isNew && readable !== opened && this.#uncertain !== this.ratchet)
      this.violations.push(`${letter.name} was ${opened ? "" : "not "}opened`)
    if (!opened || this.last === undefined) {
      // One that failed before is one failure; it may be opened yet, by a later ratchet.
      if (this.#failed.has(letter.key)) return
      if (this.last !== undefined) this.#failed.add(letter.key)
      taken.report ??= { code: this.last === undefined ? "A_PROHIBITED" : "A_CRYPTO", text: "", heard: 0 }
      return
    }
    this.#seen.add(letter.key)
    const isFirst = this.#isNew
    this.#isNew = false
    const integrity = integrityOf(this.last, letter)
    if (letter.type === "QTEST" && integrity.type === "skipped") {
      this.#earlyTest = letter
    } else {
      this.last = { number: letter.number, letter }
      if (letter.type === "A_MSG") taken.entry ??= { letter, integrity, shown: 0, acknowledgedAt: undefined }
      else taken.report ??= reportOf(integrity, isFirst)
    }
    this.#countTest()
  }

  /** A QTEST that came early counts at its number's turn. */
  #countTest(): void {
    const test = this.#earlyTest
    if (test === undefined || this.last === undefined || this.last.number < test.number - 1) return
    this.#earlyTest = undefined
    if (this.last.number === test.number - 1) this.last = { number: test.number, letter: test }
  }
}

/** agent-protocol.md, "Agent messages". */
function integrityOf(last: { readonly number: number; readonly letter: Letter }, letter: Letter): Integrity {
  const { number, previous } = letter
  if (number === last.number) return { type: "duplicate" }
  if (number < last.number) return { type: "badId", previous: last.number }
  if (number > last.number + 1) return { type: "skipped", from: last.number + 1, to: number - 1 }
  return previous === last.letter ? { type: "ok" } : { type: "badHash" }
}

/** What is not shown has nothing but an error to tell a gap by. New keys have a number that is not counted, and a side that came back from a copy counts anew. */
function reportOf(integrity: Integrity, isFirst: boolean): Report | undefined {
  const report = (text: string): Report => ({ code: "A_INTEGRITY", text, heard: 0 })
  switch (integrity.type) {
    case "ok":
      return undefined
    case "skipped":
      return isFirst && integrity.from === integrity.to
        ? undefined
        : report(`${String(integrity.from)} to ${String(integrity.to)}`)
    case "badId":
      return isFirst ? undefined : report(`after number ${String(integrity.previous)}`)
    case "duplicate":
    case "badHash":
      return isFirst ? undefined : report("")
    default:
      return integrity satisfies never
  }
}
