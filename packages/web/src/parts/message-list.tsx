import { createSignal, For, type JSX, Show } from "solid-js"
import { dayText, isSameDay, timeText } from "../format.ts"
import type { Session } from "../page/session.ts"
import type { ChatMessage, Conversation, Entry, NoticeKind, Problem } from "../protocol.ts"
import { problemOfCall } from "../page/port.ts"
import { segmentsOf } from "../text.ts"
import { nameOf, noticeText, sentenceOf, warningText } from "../wording.ts"
import { Icon, type IconName } from "./icon.tsx"
import { ProblemNote } from "./problem-note.tsx"
import { StateMark } from "./state-mark.tsx"

/** Messages of one side within this time stand together. */
const togetherMs = 5 * 60_000

/** The messages, the latest at the bottom. The list is laid out from below, so that it stays there without a script. */
export function MessageList(props: {
  readonly session: Session
  readonly conversation: Conversation
}): JSX.Element {
  const entries = () => props.session.state.entries
  return (
    <div class="messages" tabindex="0" role="region" aria-label="Messages">
      <Show
        when={entries().length > 0}
        fallback={
          <Show when={props.session.state.loaded && props.conversation.status === "connected"}>
            <div class="messages-empty">
              <p>
                You are connected. Everything here is encrypted from device to device. To be sure that nobody
                stands between, compare the security code.
              </p>
              <button
                type="button"
                class="button"
                onClick={() => {
                  props.session.setDialog({ name: "details" })
                }}
              >
                <Icon name="details" /> Security code
              </button>
            </div>
          </Show>
        }
      >
        <ol class="log">
          <Show when={props.session.state.more}>
            <li class="earlier">
              <button type="button" class="button" onClick={() => void props.session.loadEarlier()}>
                Show earlier messages
              </button>
            </li>
          </Show>
          <For each={entries()}>
            {(entry, index) => (
              <Item
                session={props.session}
                conversation={props.conversation}
                entry={entry}
                before={entries()[index() - 1]}
              />
            )}
          </For>
        </ol>
      </Show>
    </div>
  )
}

function Item(props: {
  readonly session: Session
  readonly conversation: Conversation
  readonly entry: Entry
  readonly before: Entry | undefined
}): JSX.Element {
  const newDay = () => props.before === undefined || !isSameDay(props.before.time, props.entry.time)
  const message = () => (props.entry.from === "page" ? undefined : props.entry)
  const notice = () => (props.entry.from === "page" ? props.entry : undefined)
  return (
    <>
      <Show when={newDay()}>
        <li class="day">{dayText(props.entry.time, Date.now())}</li>
      </Show>
      <Show when={notice()}>
        {(one) => (
          <li class="notice">
            <Icon name={noticeIcons[one().kind]} class="icon small" /> {noticeText(one())}
            <time datetime={new Date(one().time).toISOString()}>{timeText(one().time)}</time>
          </li>
        )}
      </Show>
      <Show when={message()}>
        {(one) => (
          <Message
            session={props.session}
            conversation={props.conversation}
            message={one()}
            together={
              !newDay() && props.before?.from === one().from && one().time - props.before.time < togetherMs
            }
          />
        )}
      </Show>
    </>
  )
}

const noticeIcons: Readonly<Record<NoticeKind, IconName>> = {
  receivingMoved: "move",
  sendingMoved: "move",
  keysAsked: "key",
  newKeys: "key",
  postQuantumOn: "details",
  postQuantumOff: "warning",
}

function Message(props: {
  readonly session: Session
  readonly conversation: Conversation
  readonly message: ChatMessage
  readonly together: boolean
}): JSX.Element {
  const one = () => props.message
  const mine = () => one().from === "me"
  return (
    <li class={`entry ${mine() ? "mine" : "theirs"}${props.together ? " together" : ""}`}>
      <div class={`bubble${one().state === "failed" ? " failed" : ""}`}>
        <span class="visually-hidden">{mine() ? "You: " : `${nameOf(props.conversation)}: `}</span>
        <Show when={one().warning !== "binary"} fallback={<em>{warningText("binary")}</em>}>
          <Body text={one().text} />
        </Show>
        <span class="meta">
          <time datetime={new Date(one().time).toISOString()}>{timeText(one().time)}</time>
          <Show when={one().state}>{(state) => <StateMark state={state()} />}</Show>
        </span>
      </div>
      <Show when={one().warning !== "binary" ? one().warning : undefined}>
        {(warning) => (
          <p class="entry-note">
            <Icon name="warning" class="icon small" /> {warningText(warning())}
          </p>
        )}
      </Show>
      <Show when={one().state === "failed"}>
        <Failed session={props.session} conversation={props.conversation} message={one()} />
      </Show>
    </li>
  )
}

function Failed(props: {
  readonly session: Session
  readonly conversation: Conversation
  readonly message: ChatMessage
}): JSX.Element {
  const [problem, setProblem] = createSignal<Problem>()
  const again = async (): Promise<void> => {
    try {
      await props.session.resend(props.conversation.id, props.message.id)
    } catch (error) {
      setProblem(problemOfCall(error))
    }
  }
  return (
    <>
      <p class="entry-note">
        <Icon name="failed" class="icon small" />{" "}
        {sentenceOf(props.message.problem ?? { code: "SMP", message: "" })}
        <Show when={props.conversation.status === "connected"}>
          {" "}
          <button type="button" class="text-button" onClick={() => void again()}>
            Send again
          </button>
        </Show>
      </p>
      <ProblemNote problem={problem()} />
    </>
  )
}

/** Text as text; `http` links open in a new tab on a click, with no way back to this page (security.md Q28). */
function Body(props: { readonly text: string }): JSX.Element {
  return (
    <span class="body" dir="auto">
      <For each={segmentsOf(props.text)}>
        {(segment) =>
          segment.type === "link" ? (
            <a href={segment.href} target="_blank" rel="noopener noreferrer nofollow">
              <bdi>{segment.text}</bdi>
            </a>
          ) : (
            segment.text
          )
        }
      </For>
    </span>
  )
}
