import { readFileSync } from "node:fs"
import { Vector } from "./vector.ts"

/** The directory of the recorded bytes; its README says where each file comes from. */
export const vectorsUrl: URL = new URL("../vectors/", import.meta.url)

/** The vectors of `vectors/NAME.json`, for example `loadVectors("keys")` or `loadVectors("conversations/quota")`. */
export function loadVectors(name: string): Vector {
  return new Vector(JSON.parse(readFileSync(new URL(`${name}.json`, vectorsUrl), "utf8")) as unknown, name)
}
