import type { Agent, SealedStore } from "@smpkit/agent"

export type {
  AgentEvent,
  ConnectionDescription,
  Integrity,
  MessageEvent,
  QueueDescription,
  StoreTx,
} from "@smpkit/agent"

/** What the page uses of an agent (rpc.md). */
export type AgentApi = Pick<
  Agent,
  | "createConnection"
  | "getLink"
  | "joinConnection"
  | "allowConnection"
  | "sendMessage"
  | "acknowledgeMessage"
  | "switchQueue"
  | "synchronizeRatchet"
  | "securityCode"
  | "setVerified"
  | "connectionState"
  | "listConnections"
  | "deleteConnection"
  | "exportStore"
  | "getServers"
  | "setServers"
  | "events"
  | "close"
>

/** Tables of the page in the agent's sealed store: one passphrase, one lock, one file. */
export type Records = Pick<SealedStore, "get" | "list" | "update" | "compact">

/** An opened profile. */
export interface Profile {
  readonly agent: AgentApi
  readonly records: Records
}

/** Opens a profile, or makes it where there is none. `servers` is empty when the page's server did not tell any. */
export type OpenProfile = (options: {
  readonly base: string
  readonly passphrase: string
  readonly allowEmptyPassphrase: boolean
  readonly servers: readonly string[]
}) => Promise<Profile>

/** Makes a profile of a backup: whole, or not at all. */
export type RestoreProfile = (options: {
  readonly base: string
  readonly file: Blob
  readonly passphrase: string
}) => Promise<void>
