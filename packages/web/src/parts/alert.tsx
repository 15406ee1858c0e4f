import { createSignal, type JSX, Show } from "solid-js"
import { problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { Conversation, Problem } from "../protocol.ts"
import { sentenceOf } from "../wording.ts"
import { Icon } from "./icon.tsx"

/** What new keys settle. */
const asksForKeys: ReadonlySet<string> = new Set(["KEYS_ASKED", "OUT_OF_STEP", "SEND_LOCKED"])

/** What the user has to know about a conversation, and what can be done about it. */
export function Alert(props: {
  readonly session: Session
  readonly conversation: Conversation
}): JSX.Element {
  const alert = () => (props.conversation.status === "joining" ? undefined : props.conversation.alert)
  return (
    <div role="alert" class="alert-place">
      <Show when={alert()}>{(problem) => <Warning {...props} problem={problem()} />}</Show>
    </div>
  )
}

function Warning(props: {
  readonly session: Session
  readonly conversation: Conversation
  readonly problem: Problem
}): JSX.Element {
  const [busy, setBusy] = createSignal(false)
  const [failure, setFailure] = createSignal<Problem>()
  const ended = () => props.conversation.status === "closed"
  const attempt = async (method: "renewKeys" | "dismiss"): Promise<void> => {
    setBusy(true)
    setFailure(undefined)
    try {
      await props.session.port.call(method, { id: props.conversation.id })
    } catch (error) {
      setFailure(problemOfCall(error))
    }
    setBusy(false)
  }
  return (
    <div class="note bad">
      <Icon name="warning" />
      <div class="note-text">
        <p>{sentenceOf(failure() ?? props.problem)}</p>
        <Show when={!ended()}>
          <p class="note-actions">
            <Show when={asksForKeys.has(props.problem.code)}>
              <button
                type="button"
                class="text-button"
                disabled={busy()}
                onClick={() => void attempt("renewKeys")}
              >
                Exchange new keys
              </button>
            </Show>
            <Show when={props.problem.code === "NEW_KEYS"}>
              <button
                type="button"
                class="text-button"
                onClick={() => {
                  props.session.setDialog({ name: "details" })
                }}
              >
                Compare the code
              </button>
            </Show>
            <button
              type="button"
              class="text-button"
              disabled={busy()}
              onClick={() => void attempt("dismiss")}
            >
              Understood
            </button>
          </p>
        </Show>
      </div>
    </div>
  )
}
