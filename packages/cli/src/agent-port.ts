import type { Agent } from "@smpkit/agent"

export type { AgentEvent, CallOptions, ConnectionDescription, Integrity, MessageEvent } from "@smpkit/agent"

/** What the subcommands use of an agent (rpc.md); tests bring a small one of their own. */
export type AgentApi = Pick<
  Agent,
  | "createConnection"
  | "joinConnection"
  | "getLink"
  | "setLinkData"
  | "deleteShortLink"
  | "allowConnection"
  | "acceptContact"
  | "rejectContact"
  | "sendMessage"
  | "acknowledgeMessage"
  | "switchQueue"
  | "synchronizeRatchet"
  | "securityCode"
  | "setVerified"
  | "connectionState"
  | "listConnections"
  | "deleteConnection"
  | "getServers"
  | "setServers"
  | "subscribe"
  | "unsubscribe"
  | "version"
  | "events"
  | "close"
>
