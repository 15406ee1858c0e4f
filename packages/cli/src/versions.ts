import { readFileSync } from "node:fs"

/** What the `version` method answers: this release, and the protocol versions it speaks as `min-max`. */
export interface Versions {
  readonly smpkit: string
  readonly smp: string
  readonly agent: string
  readonly e2e: string
}

/** The version of this package, from its package.json. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  if (typeof manifest !== "object" || manifest === null || !("version" in manifest)) return "unknown"
  return String(manifest.version)
}
