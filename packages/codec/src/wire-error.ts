/** Bytes from outside that are not what the format demands. `offset` counts from the start of the unit. */
export class WireError extends Error {
  override readonly name = "WireError"
  readonly code = "WIRE"
  readonly offset: number
  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`)
    this.offset = offset
  }
}
