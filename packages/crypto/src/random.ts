import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"

/** Where random bytes come from; an argument wherever a protocol makes keys, nonces or ids. */
export interface Random {
  readonly bytes: (length: number) => Bytes
}

/** The platform's cryptographically secure generator. */
export const systemRandom: Random = { bytes: (length) => backend.randomBytes(length) }
