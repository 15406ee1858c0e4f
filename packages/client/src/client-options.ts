import type { Bytes } from "@smpkit/codec"
import type { AuthAlg, KeyPair, Random } from "@smpkit/crypto"
import type { Clock } from "@smpkit/transport"
import type { Connector } from "./connector.ts"
import type { KeepAliveOptions } from "./keep-alive.ts"

export interface ClientDependencies {
  readonly connector: Connector
  readonly clock: Clock
  readonly random: Random
}

export interface ClientOptions extends Partial<KeepAliveOptions> {
  /** How long a request waits for its answer. */
  readonly timeoutMs?: number
  /** How many events wait for the consumer before the socket is read only for outstanding answers; a flood of `floodLimit` stops that too. */
  readonly eventLimit?: number
  readonly floodLimit?: number
}

export interface RequestOptions {
  /** What the command is about; empty for NEW and PING. */
  readonly entityId: Bytes
  /** Authorizes the command. */
  readonly key?: KeyPair<AuthAlg>
  /** 24 bytes, fresh for every request, where the command depends on them: the sender id of a NEW with link data. Random by default. */
  readonly corrId?: Bytes | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number
}
