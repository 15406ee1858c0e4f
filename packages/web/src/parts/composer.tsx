import { createSignal, createUniqueId, type JSX, onMount } from "solid-js"
import { problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { Conversation, Problem } from "../protocol.ts"
import { nameOf } from "../wording.ts"
import { Icon } from "./icon.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** Where a message is written: Enter sends, Shift and Enter begins a new line. */
export function Composer(props: {
  readonly session: Session
  readonly conversation: Conversation
}): JSX.Element {
  const [text, setText] = createSignal("")
  const [problem, setProblem] = createSignal<Problem>()
  const id = createUniqueId()
  let input: HTMLTextAreaElement | undefined
  const connected = () => props.conversation.status === "connected"
  const empty = () => text().trim() === ""

  // On a screen that is touched, this would open the keyboard over what was to be read.
  onMount(() => {
    if (connected() && matchMedia("(hover: hover)").matches) input?.focus()
  })

  const send = async (): Promise<void> => {
    if (empty() || !connected()) return
    const written = text()
    setText("")
    setProblem(undefined)
    try {
      await props.session.send(props.conversation.id, written)
    } catch (error) {
      setProblem(problemOfCall(error))
      if (text() === "") setText(written)
    }
    input?.focus()
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <ProblemNote problem={problem()} />
      <div class="composer-row">
        <label class="visually-hidden" for={id}>
          Message to {nameOf(props.conversation)}
        </label>
        <textarea
          id={id}
          class="input composer-input"
          rows={Math.min(6, text().split("\n").length)}
          dir="auto"
          disabled={!connected()}
          placeholder={connected() ? "Write a message" : "You can write when the other person has answered"}
          value={text()}
          ref={(element) => {
            input = element
          }}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
            event.preventDefault()
            void send()
          }}
        />
        <button
          type="submit"
          class="button primary square send"
          aria-label="Send"
          disabled={empty() || !connected()}
        >
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}
