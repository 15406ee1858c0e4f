import type { Random } from "@smpkit/crypto"
import type { Clock } from "@smpkit/transport"
import type { Authorizer } from "./authorize.ts"
import type { CreationPolicy } from "./commands/create.ts"
import type { Limits } from "./limits.ts"
import type { NewQueues } from "./new-queues.ts"
import type { OutboxSpace } from "./outbox-space.ts"
import type { QueueStore } from "./store/store.ts"
import type { Subscribers } from "./subscribers.ts"
import type { Turns } from "./turns.ts"

/** What all connections of a process share. */
export interface ServerCore {
  readonly store: QueueStore
  readonly subscribers: Subscribers
  readonly authorizer: Authorizer
  /** For reading and verifying commands, shared fairly between the connections. */
  readonly turns: Turns
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly creation: CreationPolicy
  /** Whether the store may not grow: NEW is then refused, and a SEND finds its queue full. */
  readonly isFull: () => boolean
  readonly outboxSpace: OutboxSpace
  /** The rate of NEW of the process. */
  readonly newQueues: NewQueues
  /** Seconds that a message is kept; `undefined` for ever. */
  readonly messageTtl: number | undefined
  /** Whether a SEND drops old messages of its queue, beside the regular round. */
  readonly expireOnSend: boolean
  /** A command that failed in the store, or met a bug; told without any detail of the command. */
  readonly onFailure: (error: unknown) => void
}
