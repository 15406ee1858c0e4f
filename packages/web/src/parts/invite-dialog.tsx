import { createSignal, createUniqueId, type JSX } from "solid-js"
import { problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { Problem } from "../protocol.ts"
import { cleanName, maxNameLength } from "../text.ts"
import { Modal } from "./modal.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** Makes an invitation; its code and link are then shown in the new conversation. */
export function InviteDialog(props: { readonly session: Session }): JSX.Element {
  const [name, setName] = createSignal("")
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem>()
  const id = createUniqueId()
  const make = async (): Promise<void> => {
    if (busy()) return
    setBusy(true)
    setProblem(undefined)
    try {
      await props.session.invite(cleanName(name()))
    } catch (error) {
      setProblem(problemOfCall(error))
      setBusy(false)
    }
  }
  return (
    <Modal
      title="Invite somebody"
      onClose={() => {
        props.session.setDialog(undefined)
      }}
    >
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <div class="field">
          <label for={id}>Who is it for?</label>
          <input
            class="input"
            id={id}
            autofocus
            autocomplete="off"
            maxlength={4 * maxNameLength}
            value={name()}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <p class="hint">Only you see this name. You can change it later.</p>
        </div>
        <ProblemNote problem={problem()} />
        <button type="submit" class="button primary wide" disabled={busy()}>
          {busy() ? "Making the invitation…" : "Make the invitation"}
        </button>
      </form>
    </Modal>
  )
}
