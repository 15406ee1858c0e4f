import { createResource, createSignal, createUniqueId, For, type JSX, Show } from "solid-js"
import { CallError, problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { Conversation, Problem } from "../protocol.ts"
import { cleanName, maxNameLength } from "../text.ts"
import { Icon } from "./icon.tsx"
import { Modal } from "./modal.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** A conversation's name, its security code, and its end. */
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
          <Code {...props} attempt={attempt} />
        </Show>
        <Remove {...props} attempt={attempt} />
        <ProblemNote problem={problem()} />
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

function Code(props: PartProps): JSX.Element {
  const [code] = createResource(
    () => props.conversation.id,
    async (id) => {
      try {
        return await props.session.port.call("code", { id })
      } catch (error) {
        if (error instanceof CallError) return undefined
        throw error
      }
    },
  )
  const groups = () => code()?.code.split(" ") ?? []
  return (
    <section class="field">
      <h3>Security code</h3>
      <Show
        when={groups().length > 0}
        fallback={
          <p class="hint">{code.loading ? "…" : "There is a code once the other person has answered."}</p>
        }
      >
        <p class="code" aria-label="Security code">
          <For each={groups()}>{(group) => <span>{group} </span>}</For>
        </p>
        <p class="hint">
          Compare it with what the other person sees, in a call or in person. If all digits are the same,
          nobody stands between you.{" "}
          {code()?.postQuantum === true
            ? "Messages are also protected against future quantum computers; the code does not cover that part."
            : "What you send is not protected against future quantum computers."}
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
