import {
  createEffect,
  createResource,
  createSignal,
  createUniqueId,
  For,
  type JSX,
  onCleanup,
  Show,
} from "solid-js"
import { CallError, problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { ConnectionInfo, Conversation, Problem, QueueInfo } from "../protocol.ts"
import { cleanName, maxNameLength } from "../text.ts"
import { Icon } from "./icon.tsx"
import { Modal } from "./modal.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** A conversation's name, its security code, what protects it, where its messages wait, and its end. */
export function DetailsDialog(props: {
  readonly session: Session
  readonly conversation: Conversation
}): JSX.Element {
  const [problem, setProblem] = createSignal<Problem>()
  const attempt = async (work: Promise<unknown>): Promise<void> => {
    setProblem(undefined)
    try {
      await work
    } catch (error) {
      setProblem(problemOfCall(error))
    }
  }
  return (
    <Modal
      title="Details"
      onClose={() => {
        props.session.setDialog(undefined)
      }}
    >
      <div class="stack">
        <Name {...props} attempt={attempt} />
        <Show when={props.conversation.status !== "invited" && props.conversation.status !== "joining"}>
          <Connection {...props} attempt={attempt} />
        </Show>
        <ProblemNote problem={problem()} />
        <Remove {...props} attempt={attempt} />
      </div>
    </Modal>
  )
}

interface PartProps {
  readonly session: Session
  readonly conversation: Conversation
  readonly attempt: (work: Promise<unknown>) => Promise<void>
}

function Name(props: PartProps): JSX.Element {
  const id = createUniqueId()
  const [name, setName] = createSignal(props.conversation.name)
  const changed = () => cleanName(name()) !== props.conversation.name
  return (
    <form
      class="field"
      onSubmit={(event) => {
        event.preventDefault()
        void props.attempt(
          props.session.port.call("rename", { id: props.conversation.id, name: cleanName(name()) }),
        )
      }}
    >
      <label for={id}>Name</label>
      <div class="row">
        <input
          class="input grow"
          id={id}
          autocomplete="off"
          maxlength={4 * maxNameLength}
          value={name()}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={!changed()}>
          Save
        </button>
      </div>
      <p class="hint">Only you see this name.</p>
    </form>
  )
}

/** Nobody tells when an old queue is empty: that is looked at. */
const emptyingMs = 3_000

/** What is beneath a conversation: asked for again whenever it changes. */
function Connection(props: PartProps): JSX.Element {
  const [info, { refetch }] = createResource(
    () => ({ id: props.conversation.id, changes: props.session.state.connectionChanges }),
    async ({ id }) => {
      try {
        return await props.session.port.call("connection", { id })
      } catch (error) {
        if (error instanceof CallError) return undefined
        throw error
      }
    },
  )
  createEffect(() => {
    if ((info.latest?.receiving.length ?? 0) < 2) return
    const timer = setInterval(() => void refetch(), emptyingMs)
    onCleanup(() => {
      clearInterval(timer)
    })
  })
  return (
    <>
      <Code {...props} info={info.latest} loading={info.loading} />
      <Show when={props.conversation.status === "connected" ? info.latest : undefined}>
        {(known) => (
          <>
            <Protection info={known()} />
            <Queues {...props} info={known()} />
          </>
        )}
      </Show>
    </>
  )
}

function Code(
  props: PartProps & { readonly info: ConnectionInfo | undefined; readonly loading: boolean },
): JSX.Element {
  const groups = () => props.info?.code?.split(" ") ?? []
  return (
    <section class="field">
      <h3>Security code</h3>
      <Show
        when={groups().length > 0}
        fallback={
          <p class="hint">{props.loading ? "…" : "There is a code once the other person has answered."}</p>
        }
      >
        <p class="code" aria-label="Security code">
          <For each={groups()}>{(group) => <span>{group} </span>}</For>
        </p>
        <p class="hint">
          Compare it with what the other person sees, in a call or in person. If all digits are the same,
          nobody stands between you.
        </p>
        <label class="check">
          <input
            type="checkbox"
            checked={props.conversation.verified}
            onChange={(event) =>
              void props.attempt(
                props.session.port.call("verify", {
                  id: props.conversation.id,
                  verified: event.currentTarget.checked,
                }),
              )
            }
          />
          <span>We have compared it, and it is the same</span>
        </label>
      </Show>
    </section>
  )
}

/** The code that people compare does not cover this. */
function Protection(props: { readonly info: ConnectionInfo }): JSX.Element {
  const mark = (on: boolean, what: string): JSX.Element => (
    <li data-on={on ? "true" : "false"}>
      <Icon name={on ? "sent" : "close"} class="icon small" />
      {what}: {on ? "protected" : "not protected"}
    </li>
  )
  return (
    <section class="field">
      <h3>Against future quantum computers</h3>
      <ul class="facts">
        {mark(props.info.postQuantum.sending, "What you send")}
        {mark(props.info.postQuantum.receiving, "What you receive")}
      </ul>
    </section>
  )
}

function Queues(props: PartProps & { readonly info: ConnectionInfo }): JSX.Element {
  const [asked, setAsked] = createSignal(false)
  const moving = () => props.info.receiving.length > 1
  const emptying = () => props.info.receiving.some(({ role }) => role === "last")
  const move = async (): Promise<void> => {
    setAsked(true)
    await props.attempt(props.session.port.call("move", { id: props.conversation.id }))
    setAsked(false)
  }
  return (
    <section class="field">
      <h3>Where messages wait</h3>
      <dl class="places">
        <dt>For you</dt>
        <Places queues={props.info.receiving} />
        <dt>For the other person</dt>
        <Places queues={props.info.sending} />
      </dl>
      <p class="hint" role="status">
        {emptying()
          ? "Your messages have moved. What still waits in the old place is fetched, then it is deleted."
          : moving()
            ? "Your messages are moving. It is done when the other person’s program has taken part; until then the old place is used, too."
            : "A new place on the server cannot be connected with the old one by whoever looks at the server later. No message is lost on the way."}
      </p>
      <div>
        <button type="button" class="button" disabled={asked() || moving()} onClick={() => void move()}>
          <Icon name="move" /> {moving() ? "Moving…" : "Move to a new place"}
        </button>
      </div>
    </section>
  )
}

const placeTexts = { current: "", next: "new place, prepared", last: "old place, being emptied" }

function Places(props: { readonly queues: readonly QueueInfo[] }): JSX.Element {
  return (
    <For each={props.queues}>
      {({ host, role }) => (
        <dd>
          <bdi>{host}</bdi>
          <Show when={role !== "current"}>
            <span class="place-role"> {placeTexts[role]}</span>
          </Show>
        </dd>
      )}
    </For>
  )
}

function Remove(props: PartProps): JSX.Element {
  const [asking, setAsking] = createSignal(false)
  return (
    <section class="field">
      <h3>Delete</h3>
      <Show
        when={asking()}
        fallback={
          <button type="button" class="button danger" onClick={() => setAsking(true)}>
            Delete this conversation…
          </button>
        }
      >
        <p>
          All its messages and keys on this device are deleted. The other person keeps theirs. This cannot be
          undone.
        </p>
        <div class="row">
          <button
            type="button"
            class="button danger filled"
            onClick={() => {
              void props.attempt(
                props.session.remove(props.conversation.id).then(() => {
                  props.session.setDialog(undefined)
                }),
              )
            }}
          >
            <Icon name="close" /> Delete
          </button>
          <button type="button" class="button" onClick={() => setAsking(false)}>
            Keep it
          </button>
        </div>
      </Show>
    </section>
  )
}
