import { createSignal, type JSX } from "solid-js"
import { problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { Conversation, Problem } from "../protocol.ts"
import { ProblemNote } from "./problem-note.tsx"

/** A join whose server was not reached: the agent goes on with the same keys when it is tried again. */
export function JoiningCard(props: {
  readonly session: Session
  readonly conversation: Conversation
}): JSX.Element {
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem | undefined>(props.conversation.alert)
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
        <p>Your answer to the invitation has not reached the server. It is kept here, and is not lost.</p>
        <ProblemNote problem={problem()} />
        <div class="row">
          <button type="button" class="button primary" disabled={busy()} onClick={() => void again()}>
            {busy() ? "Trying…" : "Try again"}
          </button>
        </div>
      </section>
    </div>
  )
}
