import { createEffect, type JSX, on, Show } from "solid-js"
import type { Session } from "../page/session.ts"
import type { Conversation } from "../protocol.ts"
import { nameOf, statusText } from "../wording.ts"
import { Alert } from "./alert.tsx"
import { Avatar } from "./avatar.tsx"
import { Composer } from "./composer.tsx"
import { Icon } from "./icon.tsx"
import { InvitationCard } from "./invitation-card.tsx"
import { JoiningCard } from "./joining-card.tsx"
import { MessageList } from "./message-list.tsx"
import { Steps } from "./steps.tsx"

/** One conversation, or what to do where none is chosen. */
export function ConversationPane(props: { readonly session: Session }): JSX.Element {
  return (
    <Show when={props.session.state.current} keyed fallback={<Welcome session={props.session} />}>
      <Show when={props.session.current}>
        {(conversation) => <Open session={props.session} conversation={conversation()} />}
      </Show>
    </Show>
  )
}

function Open(props: { readonly session: Session; readonly conversation: Conversation }): JSX.Element {
  const one = () => props.conversation
  let heading: HTMLHeadingElement | undefined
  createEffect(
    on(
      () => one().id,
      () => heading?.focus(),
    ),
  )
  return (
    <main class="pane" aria-label={`Conversation with ${nameOf(one())}`}>
      <header class="pane-head">
        <button
          type="button"
          class="button quiet square back"
          aria-label="Back to the conversations"
          onClick={() => {
            leave(props.session)
          }}
        >
          <Icon name="back" />
        </button>
        <Avatar of={one()} />
        <div class="pane-title">
          <h1
            tabindex="-1"
            ref={(element) => {
              heading = element
            }}
          >
            <bdi>{nameOf(one())}</bdi>
          </h1>
          <p class="pane-status" role="status">
            <Show when={one().verified && one().status === "connected"} fallback={statusText(one().status)}>
              <Icon name="verified" class="icon small good" /> Verified
            </Show>
          </p>
        </div>
        <span class="spacer" />
        <button
          type="button"
          class="button quiet square"
          aria-label="Details and security code"
          title="Details and security code"
          onClick={() => {
            props.session.setDialog({ name: "details" })
          }}
        >
          <Icon name="details" />
        </button>
      </header>
      <Alert session={props.session} conversation={one()} />
      <Body session={props.session} conversation={one()} />
    </main>
  )
}

function Body(props: { readonly session: Session; readonly conversation: Conversation }): JSX.Element {
  const one = () => props.conversation
  return (
    <Show
      when={one().status === "invited"}
      fallback={
        <Show
          when={one().status === "joining"}
          fallback={
            <>
              <MessageList session={props.session} conversation={one()} />
              <Show when={one().status !== "closed"} fallback={<Ended session={props.session} />}>
                <Composer session={props.session} conversation={one()} />
              </Show>
            </>
          }
        >
          <JoiningCard session={props.session} conversation={one()} />
        </Show>
      }
    >
      <InvitationCard session={props.session} conversation={one()} />
    </Show>
  )
}

/** What is left to do with a conversation that has ended. */
function Ended(props: { readonly session: Session }): JSX.Element {
  return (
    <div class="ended">
      <button
        type="button"
        class="button primary"
        onClick={() => {
          props.session.setDialog({ name: "invite" })
        }}
      >
        <Icon name="invite" /> New invitation
      </button>
      <button
        type="button"
        class="button danger"
        onClick={() => {
          props.session.setDialog({ name: "details" })
        }}
      >
        Delete…
      </button>
    </div>
  )
}

/** Closes a conversation; its place in the list has the focus again. */
export function leave(session: Session): void {
  const { current } = session.state
  void session.select(undefined)
  if (current !== undefined) queueMicrotask(() => document.getElementById(`item-${current}`)?.focus())
}

function Welcome(props: { readonly session: Session }): JSX.Element {
  const isNew = () => props.session.state.conversations.length === 0
  return (
    <main class="pane welcome">
      <div class="welcome-box">
        <Show
          when={isNew()}
          fallback={
            <>
              <span class="welcome-mark" aria-hidden="true">
                <Icon name="chat" />
              </span>
              <p>Choose a conversation, or begin a new one.</p>
            </>
          }
        >
          <h1>Begin your first conversation</h1>
          <Steps />
          <div class="row">
            <button
              type="button"
              class="button primary"
              onClick={() => {
                props.session.setDialog({ name: "invite" })
              }}
            >
              <Icon name="invite" /> Invite somebody
            </button>
            <button
              type="button"
              class="button"
              onClick={() => {
                props.session.setDialog({ name: "join", text: "" })
              }}
            >
              <Icon name="join" /> I have an invitation
            </button>
          </div>
        </Show>
      </div>
    </main>
  )
}
