import type { Conversation, Entry, Problem, Reach, Settings } from "../protocol.ts"
import type { Theme } from "./preferences.ts"

export type Phase =
  /** The browser gives the page no secure context. */
  | { readonly name: "insecure" }
  /** Another tab has the profile. */
  | { readonly name: "elsewhere" }
  | { readonly name: "starting" }
  /** No profile yet. */
  | { readonly name: "choose" }
  | { readonly name: "unlock"; readonly wasLocked: boolean }
  | { readonly name: "open" }
  | { readonly name: "stopped"; readonly problem: Problem }

export type Dialog =
  | { readonly name: "invite" }
  | { readonly name: "join"; readonly text: string }
  | { readonly name: "details" }
  | { readonly name: "settings" }

export interface PageState {
  readonly phase: Phase
  readonly theme: Theme
  readonly dialog: Dialog | undefined
  /** The latest one first. */
  readonly conversations: readonly Conversation[]
  readonly current: string | undefined
  /** Of the current conversation, as far as they are loaded. */
  readonly entries: readonly Entry[]
  /** Whether there are earlier ones. */
  readonly more: boolean
  readonly loaded: boolean
  /** Counts changes of what is beneath conversations. */
  readonly connectionChanges: number
  readonly reach: Reach
  readonly settings: Settings
  /** For a screen reader. */
  readonly announcement: string
}

/** The store's own view: whoever reads the page's state cannot change it. */
export type Writable = { -readonly [K in keyof PageState]: PageState[K] }

/** Of a page whose profile is closed. */
export const closedState: Omit<PageState, "phase" | "theme"> = {
  dialog: undefined,
  conversations: [],
  current: undefined,
  entries: [],
  more: false,
  loaded: false,
  connectionChanges: 0,
  reach: "unknown",
  settings: { idleMinutes: 15, receipts: true },
  announcement: "",
}
