import { StoreError } from "./errors.ts"

/** A profile that belongs to this page or worker alone. The browser frees it when that ends in whatever way. */
export interface ProfileLock extends AsyncDisposable {
  /** Resolves when somebody has taken the lock by force. */
  readonly lost: Promise<void>
}

/** Locks a profile. Throws `StoreError` `STORE_IN_USE` at once when another page or worker has it, `STORE_FAILED` without a secure context. */
export async function lockProfile(database: string): Promise<ProfileLock> {
  if (!("locks" in navigator)) {
    throw new StoreError(
      "STORE_FAILED",
      "the browser offers no locks here, so two tabs could damage the store: open the page over https or on localhost, in a current browser",
    )
  }
  const release = signal()
  const granted = signal<boolean>()
  const held = navigator.locks.request(database, { ifAvailable: true }, async (lock) => {
    granted.resolve(lock !== null)
    if (lock !== null) await release.promise
  })
  const lost = signal()
  held.catch((error: unknown) => {
    granted.reject(error)
    lost.resolve()
  })
  let free: boolean
  try {
    free = await granted.promise
  } catch (cause) {
    throw new StoreError("STORE_FAILED", "the browser does not let this page lock its store", { cause })
  }
  if (!free) {
    throw new StoreError(
      "STORE_IN_USE",
      "the profile is open in another tab or window; use that, or close it",
    )
  }
  return {
    lost: lost.promise,
    [Symbol.asyncDispose]: async () => {
      release.resolve()
      await held.catch(() => undefined)
    },
  }
}

interface Signal<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

function signal<T = void>(): Signal<T> {
  let resolve: Signal<T>["resolve"] = () => undefined
  let reject: Signal<T>["reject"] = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
