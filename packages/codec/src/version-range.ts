import type { VersionRange } from "./primitives.ts"

// encoding.md, "Version negotiation helpers".

/** The highest version that both ranges hold; `undefined` when they share none. */
export function agreedVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  return isCompatible(ours, theirs) ? Math.min(ours.max, theirs.max) : undefined
}

/** Whether two ranges share a version. */
export function isCompatible(a: VersionRange, b: VersionRange): boolean {
  return a.min <= b.max && b.min <= a.max
}

/** Whether a range holds a version. */
export function includesVersion(range: VersionRange, version: number): boolean {
  return range.min <= version && version <= range.max
}
