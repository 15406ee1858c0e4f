import { ServerError } from "../errors.ts"
import type { QueueStore } from "./store.ts"

export function openDiskStore(path: string): QueueStore {
  throw new ServerError("STORE", `not there yet: ${path}`)
}
