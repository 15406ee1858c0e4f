import { type Bytes, fromHex, utf8 } from "@smpkit/codec"

/**
 * A place in a file of vectors: what stands there is unknown until an accessor has checked it.
 * Every accessor throws an `Error` that names file and path when the value is of another kind, so that a typing mistake is not a passing test.
 */
export class Vector {
  readonly path: string
  readonly #value: unknown

  constructor(value: unknown, path: string) {
    this.#value = value
    this.path = path
  }

  #fail(wanted: string): never {
    throw new Error(`${this.path} is not ${wanted}`)
  }

  /** The value as it stands in the file. */
  get json(): unknown {
    return this.#value
  }

  /** The value below a name or an index, or below several in a row. */
  at(...keys: readonly (string | number)[]): Vector {
    const [key, ...others] = keys
    if (key === undefined) return this
    const inner = this.find(key)
    if (inner === undefined) throw new Error(`${this.path} has no ${key}`)
    return inner.at(...others)
  }

  /** Like `at`, `undefined` where nothing stands or `null` does. */
  find(key: string | number): Vector | undefined {
    const value = this.#value
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined
    const inner = (value as Readonly<Record<string | number, unknown>>)[key]
    return inner === undefined || inner === null ? undefined : new Vector(inner, `${this.path}/${key}`)
  }

  has(key: string | number): boolean {
    return this.find(key) !== undefined
  }

  text(): string {
    return typeof this.#value === "string" ? this.#value : this.#fail("a text")
  }

  number(): number {
    return typeof this.#value === "number" ? this.#value : this.#fail("a number")
  }

  boolean(): boolean {
    return typeof this.#value === "boolean" ? this.#value : this.#fail("true or false")
  }

  /** Bytes of a hexadecimal text. */
  bytes(): Bytes {
    try {
      return fromHex(this.text())
    } catch {
      return this.#fail("a hexadecimal text")
    }
  }

  /** UTF-8 bytes of a text. */
  utf8(): Bytes {
    return utf8(this.text())
  }

  /** The values of a list. */
  items(): readonly Vector[] {
    const value = this.#value
    if (!Array.isArray(value)) return this.#fail("a list")
    return value.map((item: unknown, i) => new Vector(item, `${this.path}/${i}`))
  }

  /** Names and values of an object. */
  entries(): readonly (readonly [string, Vector])[] {
    const value = this.#value
    if (typeof value !== "object" || value === null || Array.isArray(value)) return this.#fail("an object")
    return Object.entries(value).map(([key, inner]) => [key, new Vector(inner, `${this.path}/${key}`)])
  }
}

/** Bytes of hexadecimal digits; white space between them is for the reader. */
export function hex(digits: string): Bytes {
  return fromHex(digits.replace(/\s+/g, ""))
}

/** `start, start + 1, …` modulo 256: the private keys and ids of the specification's worked examples. */
export function ramp(start: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (start + i) & 0xff)
}
