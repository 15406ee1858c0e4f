/**
 * `KEY`: not a usable key. `DH`: the shared secret would be all zero. `CIPHERTEXT`: not a ciphertext of this KEM.
 * `DECRYPT`: a tag that does not fit. `PADDING`: padding that is not one. `PARAMETER`: outside the permitted range.
 */
export type CryptoErrorCode = "KEY" | "DH" | "CIPHERTEXT" | "DECRYPT" | "PADDING" | "PARAMETER"

/** What this package throws for bad input; its message holds no secret. */
export class CryptoError<C extends CryptoErrorCode = CryptoErrorCode> extends Error {
  override readonly name = "CryptoError"
  readonly code: C
  constructor(code: C, message: string) {
    super(message)
    this.code = code
  }
  static is<C extends CryptoErrorCode>(error: unknown, code: C): error is CryptoError<C> {
    return error instanceof CryptoError && error.code === code
  }
}
