import type { Bytes } from "@smpkit/codec"

// What the subcommands use of an agent (rpc.md); `Agent` of @smpkit/agent has it, and tests bring a small one of their own.

export type PostQuantumSetting = "off" | "on" | "required"

export type Integrity =
  | { readonly type: "ok" }
  | { readonly type: "skipped"; readonly from: number; readonly to: number }
  | { readonly type: "duplicate" }
  | { readonly type: "badId"; readonly previous: number }
  | { readonly type: "badHash" }

interface OfConnection {
  readonly connectionId: string
}

/** The events of rpc.md; bytes are bytes here and base64url in JSON, times are `Date` here and ISO 8601 there. */
export type AgentEvent =
  | (OfConnection & {
      readonly type: "confirmation"
      readonly confirmationId: string
      readonly info: Bytes
      readonly postQuantum: boolean
      readonly servers: readonly string[]
    })
  | (OfConnection & { readonly type: "info"; readonly info: Bytes })
  | (OfConnection & { readonly type: "connected"; readonly postQuantum: boolean })
  | MessageEvent
  | (OfConnection & { readonly type: "sent"; readonly messageId: number; readonly server: string })
  | (OfConnection & { readonly type: "delivered"; readonly messageId: number; readonly hashOk: boolean })
  | (OfConnection & {
      readonly type: "failed"
      readonly messageId: number
      readonly code: string
      readonly message: string
      readonly server: string
    })
  | {
      readonly type: "serverUp" | "serverDown"
      readonly server: string
      readonly connectionIds: readonly string[]
    }
  | (OfConnection & { readonly type: "closed"; readonly code: string; readonly message: string })
  | {
      readonly type: "error"
      readonly connectionId: string | undefined
      readonly code: string
      readonly message: string
      readonly server: string | undefined
    }

export type MessageEvent = OfConnection & {
  readonly type: "message"
  readonly messageId: number
  readonly body: Bytes
  readonly brokerTime: Date
  readonly integrity: Integrity
  readonly postQuantum: boolean
  readonly redelivered: boolean
}

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface QueueState {
  readonly server: string
  readonly status: string
}

export interface ConnectionState {
  readonly connectionId: string
  readonly mode: string
  readonly status: string
  readonly verified: boolean
  readonly postQuantum: {
    readonly setting: PostQuantumSetting
    readonly sending: boolean
    readonly receiving: boolean
  }
  readonly receiveQueues: readonly unknown[]
  readonly sendQueues: readonly unknown[]
  readonly ratchet: unknown
  readonly unsent: number
}

/** The methods of rpc.md with typed arguments. */
export interface AgentApi {
  createConnection(
    params: {
      readonly mode: "invitation" | "contact"
      readonly postQuantum?: PostQuantumSetting
      readonly short?: boolean
      readonly userData?: Bytes
    },
    options?: CallOptions,
  ): Promise<{ readonly connectionId: string; readonly link: string; readonly shortLink?: string }>
  joinConnection(
    params: { readonly link: string; readonly info?: Bytes; readonly postQuantum?: PostQuantumSetting },
    options?: CallOptions,
  ): Promise<{ readonly connectionId: string }>
  allowConnection(
    params: { readonly connectionId: string; readonly confirmationId: string; readonly info?: Bytes },
    options?: CallOptions,
  ): Promise<unknown>
  acceptContact(
    params: { readonly connectionId: string; readonly requestId: string; readonly info?: Bytes },
    options?: CallOptions,
  ): Promise<{ readonly connectionId: string }>
  rejectContact(
    params: { readonly connectionId: string; readonly requestId: string },
    options?: CallOptions,
  ): Promise<unknown>
  sendMessage(
    params: { readonly connectionId: string; readonly body: Bytes },
    options?: CallOptions,
  ): Promise<{ readonly messageId: number }>
  acknowledgeMessage(
    params: { readonly connectionId: string; readonly messageId: number; readonly receipt?: boolean },
    options?: CallOptions,
  ): Promise<unknown>
  switchQueue(
    params: { readonly connectionId: string; readonly server?: string },
    options?: CallOptions,
  ): Promise<unknown>
  synchronizeRatchet(
    params: { readonly connectionId: string; readonly force?: boolean },
    options?: CallOptions,
  ): Promise<unknown>
  securityCode(
    params: { readonly connectionId: string },
    options?: CallOptions,
  ): Promise<{ readonly code: string; readonly postQuantum: unknown }>
  setVerified(
    params: { readonly connectionId: string; readonly verified: boolean },
    options?: CallOptions,
  ): Promise<unknown>
  connectionState(params: { readonly connectionId: string }, options?: CallOptions): Promise<ConnectionState>
  listConnections(options?: CallOptions): Promise<{ readonly connections: readonly ConnectionState[] }>
  deleteConnection(
    params: { readonly connectionId: string; readonly waitForDelivery?: boolean },
    options?: CallOptions,
  ): Promise<unknown>
  getServers(options?: CallOptions): Promise<{ readonly servers: readonly string[] }>
  setServers(params: { readonly servers: readonly string[] }, options?: CallOptions): Promise<unknown>
  subscribe(params: { readonly connectionIds?: readonly string[] }, options?: CallOptions): Promise<unknown>
  unsubscribe(params: { readonly connectionIds?: readonly string[] }, options?: CallOptions): Promise<unknown>
  events(): AsyncIterable<AgentEvent>
  close(): Promise<void>
}
