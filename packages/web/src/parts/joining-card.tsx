import { createSignal, type JSX } from "solid-js"
import { problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { Conversation, Problem } from "../protocol.ts"
import { ProblemNote } from "./problem-note.tsx"

/** A join whose server was not reached: the agent goes on by itself, and at once when it is told to. */
export function JoiningCard(props: {
  readonly session: Session
  readonly conversation: Conversation
}): JSX.Element {
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem>()
  const again = async (): Promise<void> => {
    setBusy(true)
    setProblem(undefined)
    try {
      await props.session.join(props.conversation.link ?? "", props.conversation.name)
    } catch (error) {
      setProblem(problemOfCall(error))
    }
    setBusy(false)
  }
  return (
    <div class="scroll">
      <section class="card">
        <h2>Not joined yet</h2>
        <ProblemNote problem={problem() ?? props.conversation.alert} />
        <p>
          Your answer to the invitation is kept here, and is sent by itself as soon as the server can be
          reached. You can also try again now, or delete this conversation in its details.
        </p>
        <div class="row">
          <button
            type="button"
            class="button primary"
            disabled={busy() || props.conversation.link === undefined}
            onClick={() => void again()}
          >
            {busy() ? "Trying…" : "Try again now"}
          </button>
        </div>
      </section>
    </div>
  )
}
