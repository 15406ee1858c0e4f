/**
 * `STORE_IN_USE`: another process has the directory open. `STORE_TAMPERED`: a record was changed, swapped, rolled back, removed or damaged outside the store.
 * `WRONG_PASSPHRASE`, `EMPTY_PASSPHRASE`: the store does not open with it, or must not. `STORE_CONFLICT`: a record or the whole store is not as the caller last saw it.
 * `STORE_FORMAT`: written by a later release. `STORE_FAILED`: the disk refused; the cause says why. `STORE_CLOSED`: it was closed.
 * `NOT_EMPTY`: an import finds something where it would go. `EXPORT_DAMAGED`: an exported store that is cut off, changed, or none at all.
 * `NOT_FOUND`: no agent, or no file, where one should be.
 */
export type StoreErrorCode =
  | "STORE_IN_USE"
  | "STORE_TAMPERED"
  | "WRONG_PASSPHRASE"
  | "EMPTY_PASSPHRASE"
  | "STORE_CONFLICT"
  | "STORE_FORMAT"
  | "STORE_FAILED"
  | "STORE_CLOSED"
  | "NOT_EMPTY"
  | "EXPORT_DAMAGED"
  | "NOT_FOUND"

/** What the store throws; its message says what to do and holds no key and no content. */
export class StoreError<C extends StoreErrorCode = StoreErrorCode> extends Error {
  override readonly name = "StoreError"
  readonly code: C
  constructor(code: C, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  static is<C extends StoreErrorCode>(error: unknown, code: C): error is StoreError<C> {
    return error instanceof StoreError && error.code === code
  }
}
