/** What the page and its worker say to each other. Keys and the passphrase go into the worker only; no call brings one back, but sealed in a backup. */

export type SendState = "stored" | "sent" | "delivered" | "failed"

/** A sentence's source: the page words it by its code. */
export interface Problem {
  /** Of `docs/errors.md`, or one of the page's own. */
  readonly code: string
  readonly message: string
  /** Host of the server concerned. */
  readonly host?: string | undefined
}

export interface ChatMessage {
  /** The agent's `messageId`: one counter for both directions. */
  readonly id: number
  readonly from: "me" | "peer"
  readonly text: string
  /** Milliseconds since 1970. */
  readonly time: number
  /** Of a message of ours. */
  readonly state?: SendState
  /** Why it failed. */
  readonly problem?: Problem
  /** What is wrong with a message of theirs. */
  readonly warning?: "skipped" | "duplicate" | "badId" | "badHash" | "binary"
}

/**
 * What the page says between messages. `receivingMoved` and `sendingMoved`: by another queue, on `host`. `keysAsked`: new keys were sent, and the other side's have not come.
 * `newKeys`: those of both sides are in use, and the security code is another one.
 */
export type NoticeKind =
  "receivingMoved" | "sendingMoved" | "keysAsked" | "newKeys" | "postQuantumOn" | "postQuantumOff"

export interface Notice {
  /** Between those of the messages around it. */
  readonly id: number
  readonly from: "page"
  readonly kind: NoticeKind
  /** Milliseconds since 1970. */
  readonly time: number
  readonly host?: string
}

/** What a conversation shows, in order of the ids. */
export type Entry = ChatMessage | Notice

/** `joining`: the other side's server was not reached yet. `greeting`: keys are being exchanged. */
export type ConversationStatus = "invited" | "joining" | "greeting" | "connected" | "closed"

export interface Conversation {
  readonly id: string
  /** Given by the user; empty while there is none. */
  readonly name: string
  /** Counts up: what to call a conversation without a name. */
  readonly number: number
  readonly created: number
  readonly status: ConversationStatus
  /** The invitation, while nobody has answered it. */
  readonly link?: string | undefined
  readonly verified: boolean
  readonly unread: number
  readonly last?: ChatMessage | undefined
  /** Why it was closed, or what the user has to know. */
  readonly alert?: Problem | undefined
}

export interface Settings {
  /** Minutes without input after which the page locks itself; 0: never. */
  readonly idleMinutes: number
  /** Whether the other side learns that a message has arrived. */
  readonly receipts: boolean
}

/** What the agent's servers look like: `unknown` before the first one was called. */
export type Reach = "unknown" | "up" | "down"

/** What a link says about itself; nothing is contacted for it. */
export interface LinkDescription {
  readonly hosts: readonly string[]
  /** Why it cannot be joined from here. */
  readonly problem?: Problem | undefined
}

/** A queue that a conversation uses: `next` is one that takes its place when the other side's program has answered, `last` one that is emptied. */
export interface QueueInfo {
  readonly host: string
  readonly role: "current" | "next" | "last"
}

/** What is going on beneath a conversation. */
export interface ConnectionInfo {
  readonly receiving: readonly QueueInfo[]
  readonly sending: readonly QueueInfo[]
  readonly postQuantum: { readonly sending: boolean; readonly receiving: boolean }
  /** There is none before the other side has answered. */
  readonly code?: string
}

/** Calls of the page: parameters and results. */
export interface Calls {
  /** Whether a profile exists. */
  readonly look: { readonly params: Place; readonly result: { readonly exists: boolean } }
  readonly open: {
    readonly params: Place & { readonly passphrase: string; readonly allowEmpty: boolean }
    readonly result: { readonly settings: Settings; readonly conversations: readonly Conversation[] }
  }
  /** Makes a profile of a backup, where there is none; `open` opens it then. */
  readonly restore: {
    readonly params: Place & { readonly file: Blob; readonly passphrase: string }
    readonly result: object
  }
  /** The profile as one file, sealed with its passphrase; one that has none is refused (`UNSEALED`). */
  readonly backup: { readonly params: object; readonly result: { readonly file: Blob } }
  /** Deletes the profile and all that it holds; for whoever has lost the passphrase. */
  readonly erase: { readonly params: Place; readonly result: object }
  readonly lock: { readonly params: object; readonly result: object }
  readonly invite: { readonly params: { readonly name: string }; readonly result: { readonly id: string } }
  readonly inspect: { readonly params: { readonly link: string }; readonly result: LinkDescription }
  readonly join: {
    readonly params: { readonly link: string; readonly name: string }
    readonly result: { readonly id: string }
  }
  readonly send: {
    readonly params: { readonly id: string; readonly text: string }
    readonly result: ChatMessage
  }
  /** Sends a failed message again, as a new one. */
  readonly resend: {
    readonly params: { readonly id: string; readonly message: number }
    readonly result: ChatMessage
  }
  /** What stands before `before`, the latest `limit` of it, in order. */
  readonly history: {
    readonly params: { readonly id: string; readonly before?: number; readonly limit: number }
    readonly result: { readonly entries: readonly Entry[]; readonly more: boolean }
  }
  readonly markRead: { readonly params: { readonly id: string }; readonly result: object }
  readonly rename: {
    readonly params: { readonly id: string; readonly name: string }
    readonly result: object
  }
  readonly connection: { readonly params: { readonly id: string }; readonly result: ConnectionInfo }
  /** Receives by a new queue from now on, as soon as the other side's program agrees. */
  readonly move: { readonly params: { readonly id: string }; readonly result: object }
  /** Makes new keys with the other side. */
  readonly renewKeys: { readonly params: { readonly id: string }; readonly result: object }
  /** The user has read what a conversation warns of. */
  readonly dismiss: { readonly params: { readonly id: string }; readonly result: object }
  readonly verify: {
    readonly params: { readonly id: string; readonly verified: boolean }
    readonly result: object
  }
  readonly remove: { readonly params: { readonly id: string }; readonly result: object }
  readonly configure: { readonly params: Settings; readonly result: object }
}

/** Where the page was served from: an address that ends in a slash. */
export interface Place {
  readonly base: string
}

export type Method = keyof Calls
export type Params<M extends Method> = Calls[M]["params"]
export type Result<M extends Method> = Calls[M]["result"]

export type Request = {
  readonly [M in Method]: {
    readonly type: "call"
    readonly id: number
    readonly method: M
    readonly params: Params<M>
  }
}[Method]

export type ToWorker =
  | Request
  /** The user does something: the page is not idle. */
  | { readonly type: "active" }

export type PageEvent =
  | { readonly type: "conversation"; readonly conversation: Conversation }
  | { readonly type: "removed"; readonly id: string }
  | {
      readonly type: "message"
      readonly id: string
      readonly message: ChatMessage
      /** It has just come from the other side. */
      readonly fresh: boolean
    }
  | { readonly type: "notice"; readonly id: string; readonly notice: Notice }
  /** `connection` would answer something else than before. */
  | { readonly type: "connectionChanged"; readonly id: string }
  | { readonly type: "messageGone"; readonly id: string; readonly message: number }
  | { readonly type: "reach"; readonly reach: Reach }
  /** The store is closed and the keys are gone; the page ends this worker. */
  | { readonly type: "locked" }
  | { readonly type: "stopped"; readonly problem: Problem }

export type FromWorker =
  | { readonly type: "done"; readonly id: number; readonly result: Result<Method> }
  | { readonly type: "refused"; readonly id: number; readonly problem: Problem }
  | { readonly type: "event"; readonly event: PageEvent }
