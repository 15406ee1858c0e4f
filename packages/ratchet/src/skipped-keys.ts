import {
  bool,
  type Bytes,
  type Codec,
  fixed,
  type Reader,
  safeInt64,
  struct,
  u32,
  type Writer,
} from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import {
  type ChainKey,
  deriveChainStep,
  type HeaderKey,
  headerKey,
  ivSize,
  type MessageKey,
  messageKey,
} from "./chains.ts"
import { RatchetError } from "./errors.ts"

// double-ratchet.md, "Decryption", with the bounds of security.md Q5.

export interface SkippedLimits {
  /** Messages that one step may pass over in one chain. */
  readonly perStep: number
  readonly perConnection: number
  readonly headerKeys: number
  readonly ageMs: number
}

export const skippedLimits: SkippedLimits = {
  perStep: 512,
  perConnection: 2048,
  headerKeys: 8,
  ageMs: 21 * 24 * 3600 * 1000,
}

export interface SkippedKey {
  readonly number: number
  readonly messageKey: MessageKey
  readonly iv: Bytes
}

/** Keys that were passed over in one step, in the order of their numbers. */
export interface SkippedRun {
  readonly headerKey: HeaderKey
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Whether the chain of these keys includes a KEM secret. */
  readonly hybrid: boolean
  readonly keys: readonly SkippedKey[]
}

/**
 * Derives the keys of all messages of a chain from `received` on that did not arrive before `number` ("skip(n)"), and the chain
 * key behind them. Throws `RatchetError` EARLIER, DUPLICATE or SKIPPED.
 */
export function skipTo(
  chain: ChainKey,
  received: number,
  number: number,
): { readonly chainKey: ChainKey; readonly keys: readonly SkippedKey[] } {
  if (received === number + 1) throw new RatchetError("DUPLICATE", "the last message again")
  if (received > number) {
    const back = received - number - 1
    throw new RatchetError("EARLIER", `a message that came ${back} before`, back)
  }
  if (number > received + skippedLimits.perStep) {
    const missing = number + 1 - received
    throw new RatchetError("SKIPPED", `${missing} messages are missing`, missing)
  }
  const keys: SkippedKey[] = []
  let chainKey = chain
  for (let n = received; n < number; n++) {
    const step = deriveChainStep(chainKey)
    keys.push({ number: n, messageKey: step.messageKey, iv: step.messageIv })
    chainKey = step.chainKey
  }
  return { chainKey, keys }
}

/** A stored key and where it stands. */
export interface StoredKey {
  readonly run: SkippedRun
  readonly key: SkippedKey
}

/** The stored key of a message, if there is one. */
export function findSkipped(
  runs: readonly SkippedRun[],
  header: HeaderKey,
  number: number,
): StoredKey | undefined {
  for (const run of runs) {
    if (!equalBytes(run.headerKey, header)) continue
    const key = run.keys.find((k) => k.number === number)
    if (key !== undefined) return { run, key }
  }
  return undefined
}

/** Without one key. */
export function removeSkipped(runs: readonly SkippedRun[], { run, key }: StoredKey): readonly SkippedRun[] {
  const keys = run.keys.filter((k) => k !== key)
  return runs.flatMap((r) => (r !== run ? [r] : keys.length > 0 ? [{ ...run, keys }] : []))
}

/** Without the keys that are older than 21 days. */
export function expireSkipped(runs: readonly SkippedRun[], now: number): readonly SkippedRun[] {
  const fresh = runs.filter((run) => now - run.createdAt < skippedLimits.ageMs)
  return fresh.length === runs.length ? runs : fresh
}

/** With the keys of a step; the oldest go when the bounds are passed. */
export function addSkipped(runs: readonly SkippedRun[], run: SkippedRun): readonly SkippedRun[] {
  if (run.keys.length === 0) return runs
  let kept: readonly SkippedRun[] = [...runs, run]
  let keys = headerKeysOf(kept)
  while (keys.length > skippedLimits.headerKeys) {
    const [oldest] = keys
    if (oldest === undefined) break
    kept = kept.filter((r) => !equalBytes(r.headerKey, oldest))
    keys = keys.slice(1)
  }
  let tooMany = countSkipped(kept) - skippedLimits.perConnection
  while (tooMany > 0) {
    const [oldest, ...others] = kept
    if (oldest === undefined) break
    const left = oldest.keys.slice(tooMany)
    tooMany -= oldest.keys.length - left.length
    kept = left.length > 0 ? [{ ...oldest, keys: left }, ...others] : others
  }
  return kept
}

export function countSkipped(runs: readonly SkippedRun[]): number {
  return runs.reduce((sum, run) => sum + run.keys.length, 0)
}

/** The header keys that have skipped keys, oldest first. */
export function headerKeysOf(runs: readonly SkippedRun[]): readonly HeaderKey[] {
  const keys: HeaderKey[] = []
  for (const { headerKey: key } of runs) if (!keys.some((k) => equalBytes(k, key))) keys.push(key)
  return keys
}

const skippedKey: Codec<SkippedKey> = struct({ number: u32, messageKey, iv: fixed(ivSize) })
const skippedRun: Codec<SkippedRun> = struct({
  headerKey,
  createdAt: safeInt64,
  hybrid: bool,
  keys: longList(skippedKey),
})

/** In the state. */
export const skippedRuns: Codec<readonly SkippedRun[]> = longList(skippedRun)

/** Two count bytes, then the values. */
function longList<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    write: (w: Writer, v: readonly T[]): void => {
      w.u16(v.length)
      for (const value of v) item.write(w, value)
    },
    read: (r: Reader): readonly T[] => Array.from({ length: r.u16() }, () => item.read(r)),
  }
}
