import { createEffect, type JSX, Match, Show, Switch } from "solid-js"
import { unreadOf } from "../page/lists.ts"
import type { Session } from "../page/session.ts"
import type { Problem } from "../protocol.ts"
import { sentenceOf } from "../wording.ts"
import { ConversationPane, leave } from "./conversation-pane.tsx"
import { DetailsDialog } from "./details-dialog.tsx"
import { InviteDialog } from "./invite-dialog.tsx"
import { JoinDialog } from "./join-dialog.tsx"
import { Frame, LockScreen } from "./lock-screen.tsx"
import { Working } from "./passphrase-input.tsx"
import { SettingsDialog } from "./settings-dialog.tsx"
import { Sidebar } from "./sidebar.tsx"

/** The whole page. */
export function App(props: { readonly session: Session }): JSX.Element {
  const phase = () => props.session.state.phase
  createEffect(() => {
    document.documentElement.dataset["theme"] = props.session.state.theme
  })
  createEffect(() => {
    const unread = unreadOf(props.session.state.conversations)
    document.title = unread > 0 ? `(${unread}) smpkit` : "smpkit"
  })
  return (
    <Switch>
      <Match when={phase().name === "open"}>
        <Chat session={props.session} />
      </Match>
      <Match when={phase().name === "choose" || phase().name === "unlock"}>
        <LockScreen session={props.session} />
      </Match>
      <Match when={phase().name === "starting"}>
        <Frame>
          <Working>Opening your conversations…</Working>
        </Frame>
      </Match>
      <Match when={phase().name === "insecure"}>
        <Frame>
          <h1>This address is not safe enough</h1>
          <p>
            The page came over a connection that anybody on the way can change, so it does not start. Open it
            by an address that begins with <code>https://</code>, or run <code>smpkit web</code> on this
            device.
          </p>
        </Frame>
      </Match>
      <Match when={phase().name === "elsewhere"}>
        <Frame>
          <h1>Already open</h1>
          <p role="status">
            Your conversations are open in another tab or window of this browser. Go there, or close it: this
            one then continues by itself.
          </p>
        </Frame>
      </Match>
      <Match when={stoppedBy(props.session)}>
        {(problem) => (
          <Frame>
            <h1>Stopped</h1>
            <p role="alert">{sentenceOf(problem())}</p>
            <button type="button" class="button primary wide" onClick={() => void props.session.start()}>
              Open again
            </button>
          </Frame>
        )}
      </Match>
    </Switch>
  )
}

function stoppedBy({ state }: Session): Problem | undefined {
  return state.phase.name === "stopped" ? state.phase.problem : undefined
}

function Chat(props: { readonly session: Session }): JSX.Element {
  const { session } = props
  return (
    <div
      class="chat"
      data-open={session.state.current === undefined ? "false" : "true"}
      onKeyDown={(event) => {
        // In a dialog, Escape is the dialog's.
        if (event.key !== "Escape" || event.defaultPrevented || session.state.dialog !== undefined) return
        if (session.state.current !== undefined) leave(session)
      }}
    >
      <Sidebar session={session} />
      <ConversationPane session={session} />
      <Dialogs session={session} />
      <p class="visually-hidden" role="status" aria-live="polite">
        {session.state.announcement}
      </p>
    </div>
  )
}

function Dialogs(props: { readonly session: Session }): JSX.Element {
  const name = () => props.session.state.dialog?.name
  return (
    <Switch>
      <Match when={name() === "invite"}>
        <InviteDialog session={props.session} />
      </Match>
      <Match when={joinText(props.session)} keyed>
        {({ text }) => <JoinDialog session={props.session} text={text} />}
      </Match>
      <Match when={name() === "settings"}>
        <SettingsDialog session={props.session} />
      </Match>
      <Match when={name() === "details"}>
        <Show when={props.session.current}>
          {(conversation) => <DetailsDialog session={props.session} conversation={conversation()} />}
        </Show>
      </Match>
    </Switch>
  )
}

function joinText({ state }: Session): { readonly text: string } | undefined {
  return state.dialog?.name === "join" ? state.dialog : undefined
}
