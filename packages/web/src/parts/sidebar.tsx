import { For, type JSX, Show } from "solid-js"
import { shortTime } from "../format.ts"
import { activityOf, unreadOf } from "../page/lists.ts"
import type { Session } from "../page/session.ts"
import type { Conversation } from "../protocol.ts"
import { previewOf } from "../text.ts"
import { nameOf, statusText } from "../wording.ts"
import { Avatar } from "./avatar.tsx"
import { Icon } from "./icon.tsx"
import { StateMark } from "./state-mark.tsx"
import { Steps } from "./steps.tsx"

/** The list of conversations, and the ways to begin one. */
export function Sidebar(props: { readonly session: Session }): JSX.Element {
  const state = () => props.session.state
  return (
    <nav class="sidebar" aria-label="Conversations">
      <header class="sidebar-head">
        <p class="brand">
          <span class="brand-mark" aria-hidden="true">
            <Icon name="chat" />
          </span>
          smpkit
        </p>
        <Show when={unreadOf(state().conversations) > 0}>
          <span class="visually-hidden">{unreadOf(state().conversations)} unread messages</span>
        </Show>
        <span class="spacer" />
        <button
          type="button"
          class="button quiet square"
          aria-label="Settings"
          title="Settings"
          onClick={() => {
            props.session.setDialog({ name: "settings" })
          }}
        >
          <Icon name="settings" />
        </button>
        <button
          type="button"
          class="button quiet square"
          aria-label="Lock now"
          title="Lock now"
          onClick={() => void props.session.lock()}
        >
          <Icon name="lock" />
        </button>
      </header>
      <div class="sidebar-begin">
        <button
          type="button"
          class="button primary"
          onClick={() => {
            props.session.setDialog({ name: "invite" })
          }}
        >
          <Icon name="invite" /> Invite
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            props.session.setDialog({ name: "join", text: "" })
          }}
        >
          <Icon name="join" /> Join
        </button>
      </div>
      <Show
        when={state().conversations.length > 0}
        fallback={
          <div class="sidebar-empty">
            <p>
              Your conversations will be listed here. Invite somebody, or join with an invitation that you
              were given.
            </p>
            <Steps />
          </div>
        }
      >
        <ul class="list">
          <For each={state().conversations}>
            {(conversation) => <Item session={props.session} conversation={conversation} />}
          </For>
        </ul>
      </Show>
      <Reach session={props.session} />
    </nav>
  )
}

function Item(props: { readonly session: Session; readonly conversation: Conversation }): JSX.Element {
  const one = () => props.conversation
  const current = () => props.session.state.current === one().id
  return (
    <li>
      <button
        type="button"
        class="item"
        id={`item-${one().id}`}
        aria-current={current() ? "true" : undefined}
        onClick={() => void props.session.select(one().id)}
      >
        <Avatar of={one()} />
        <span class="item-text">
          <span class="item-line">
            <bdi class="item-name">{nameOf(one())}</bdi>
            <Show when={one().verified}>
              <Icon name="verified" label="Verified" class="icon small good" />
            </Show>
            <span class="spacer" />
            <span class="item-time">{shortTime(activityOf(one()), Date.now())}</span>
          </span>
          <span class="item-line">
            <Preview conversation={one()} />
            <Show when={one().unread > 0}>
              <span class="spacer" />
              <span class="badge">
                {one().unread > 99 ? "99+" : one().unread}
                <span class="visually-hidden"> unread</span>
              </span>
            </Show>
          </span>
        </span>
      </button>
    </li>
  )
}

function Preview(props: { readonly conversation: Conversation }): JSX.Element {
  const last = () => (props.conversation.status === "connected" ? props.conversation.last : undefined)
  return (
    <Show
      when={last()}
      fallback={<span class="item-last quiet">{statusText(props.conversation.status)}</span>}
    >
      {(message) => (
        <>
          <Show when={message().state}>{(state) => <StateMark state={state()} />}</Show>
          <bdi class="item-last">
            {message().warning === "binary" ? "Not a text" : previewOf(message().text)}
          </bdi>
        </>
      )}
    </Show>
  )
}

const reachTexts = { unknown: "Not connected yet", up: "Connected", down: "Connecting again…" }

/** Whether the servers can be reached. Always there, so that nothing moves. */
function Reach(props: { readonly session: Session }): JSX.Element {
  return (
    <p class="reach" role="status" data-reach={props.session.state.reach}>
      <span class="dot" aria-hidden="true" />
      {reachTexts[props.session.state.reach]}
    </p>
  )
}
