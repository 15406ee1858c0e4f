import { StoreError } from "./errors.ts"

/** What the browser refused, as a sentence that says what to do; its own error is the cause. */
export function browserFailure(error: unknown): StoreError {
  if (isStoreError(error)) return error
  const cause = { cause: error }
  switch (error instanceof Error ? error.name : "") {
    case "QuotaExceededError":
      return new StoreError(
        "STORE_FAILED",
        "the browser has no room left for this page: free space on the disk, or delete what other pages have stored, and try again",
        cause,
      )
    case "VersionError":
      return new StoreError(
        "STORE_FORMAT",
        "the profile was written by a later release: reload the page, or use that release",
        cause,
      )
    case "InvalidStateError":
    case "SecurityError":
    case "ReferenceError":
      return noDatabase(error)
    default:
      return new StoreError(
        "STORE_FAILED",
        "the browser cannot read or write its database: see that the disk is not full, and restart the browser",
        cause,
      )
  }
}

function isStoreError(error: unknown): error is StoreError {
  return error instanceof StoreError
}

export function noDatabase(cause?: unknown): StoreError<"STORE_FAILED"> {
  return new StoreError(
    "STORE_FAILED",
    "the browser keeps no data for this page: allow it to store data, or leave the private window",
    { cause },
  )
}
