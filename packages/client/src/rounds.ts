import { type Bytes, toHex } from "@smpkit/codec"

/** A transmission and the entity that it is about, empty for none. */
export interface Outgoing {
  readonly entityId: Bytes
  readonly transmission: Bytes
}

/**
 * Divides transmissions into rounds, each with at most one about any entity and those about one entity in order: a server may carry out the
 * commands of one block from the last to the first (smp-transport.md, "Batching"), so what depends on another never shares its block.
 */
export function rounds<T extends Outgoing>(outgoing: readonly T[]): readonly (readonly T[])[] {
  const all: T[][] = []
  const next = new Map<string, number>()
  for (const item of outgoing) {
    const entity = toHex(item.entityId)
    const round = entity === "" ? 0 : (next.get(entity) ?? 0)
    if (entity !== "") next.set(entity, round + 1)
    const items = all[round]
    if (items === undefined) all.push([item])
    else items.push(item)
  }
  return all
}
