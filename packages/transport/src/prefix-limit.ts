/**
 * What stands for one peer in an address: an IPv4 address itself, of IPv6 the first 64 bits, which is what one customer gets.
 * `undefined` for loopback: Tor and proxies of this machine come from there.
 */
export function addressPrefix(address: string): string | undefined {
  const plain = address.split("%", 1)[0] ?? ""
  const ipv4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1]
  if (ipv4 !== undefined) return ipv4.startsWith("127.") ? undefined : ipv4
  if (plain === "::1") return undefined
  const [head = [], tail] = plain.split("::").map(groups)
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...new Array<string>(Math.max(0, zeros)).fill("0"), ...(tail ?? [])].slice(0, 4).join(":")
}

// The last 32 bits may be written as an IPv4 address; they are two groups, which no prefix reaches.
function groups(part: string): readonly string[] {
  return part === "" ? [] : part.split(":").flatMap((group) => (group.includes(".") ? ["", ""] : [group]))
}

/** How many connections each prefix has. Nothing of it is kept longer than they are, written or logged (security.md Q21, Q24). */
export class PrefixLimit {
  readonly #limit: number
  readonly #prefixOf: (address: string) => string | undefined
  readonly #counts = new Map<string, number>()

  constructor(limit: number, prefixOf: (address: string) => string | undefined = addressPrefix) {
    this.#limit = limit
    this.#prefixOf = prefixOf
  }

  /** Takes a place for a connection from `address`, given back by disposing of it; `undefined` when its prefix has as many as it may. */
  take(address: string): Disposable | undefined {
    const prefix = this.#prefixOf(address)
    if (prefix === undefined) return { [Symbol.dispose]: () => undefined }
    const count = this.#counts.get(prefix) ?? 0
    if (count >= this.#limit) return undefined
    this.#counts.set(prefix, count + 1)
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        const left = (this.#counts.get(prefix) ?? 1) - 1
        if (left === 0) this.#counts.delete(prefix)
        else this.#counts.set(prefix, left)
      },
    }
  }
}
