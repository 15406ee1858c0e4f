import { createEffect, createSignal, createUniqueId, type JSX, Show } from "solid-js"
import { recognize } from "../invitation-text.ts"
import { problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { LinkDescription, Problem } from "../protocol.ts"
import { cleanName, maxNameLength } from "../text.ts"
import { Icon } from "./icon.tsx"
import { Modal } from "./modal.tsx"
import { ProblemNote } from "./problem-note.tsx"
import { Scanner } from "./scanner.tsx"

/** Joins by a link that is pasted, scanned, or came with the page's address. Nothing is contacted before the button is pressed (security.md Q9). */
export function JoinDialog(props: { readonly session: Session; readonly text: string }): JSX.Element {
  const [text, setText] = createSignal(props.text)
  const [name, setName] = createSignal("")
  const [busy, setBusy] = createSignal(false)
  const [scanning, setScanning] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem>()
  const [description, setDescription] = createSignal<LinkDescription>()
  const ids = { link: createUniqueId(), name: createUniqueId() }

  const take = (read: string): void => {
    setScanning(false)
    setProblem(undefined)
    setText(read)
  }
  const link = (): string | undefined => {
    const found = recognize(text())
    return found.type === "link" ? found.link : undefined
  }
  createEffect(() => {
    const wanted = link()
    setDescription(undefined)
    if (wanted === undefined) return
    void props.session.port.call("inspect", { link: wanted }).then(
      (answer) => {
        if (link() === wanted) setDescription(answer)
      },
      () => undefined,
    )
  })
  const shownProblem = (): Problem | undefined => problem() ?? description()?.problem

  const join = async (): Promise<void> => {
    const wanted = link()
    if (wanted === undefined) {
      setProblem({ code: "NO_LINK", message: "" })
      return
    }
    const known = description()?.problem
    if (busy() || known !== undefined) return
    setBusy(true)
    setProblem(undefined)
    try {
      await props.session.join(wanted, cleanName(name()))
    } catch (error) {
      setProblem(problemOfCall(error))
      setBusy(false)
    }
  }
  return (
    <Modal
      title="Join with an invitation"
      onClose={() => {
        props.session.setDialog(undefined)
      }}
    >
      <Show when={!scanning()} fallback={<Scanner onText={take} onCancel={() => setScanning(false)} />}>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault()
            void join()
          }}
        >
          <div class="field">
            <label for={ids.link}>The link that you were given</label>
            <textarea
              class="input mono"
              id={ids.link}
              rows="3"
              autofocus
              autocomplete="off"
              spellcheck={false}
              placeholder="simplex:/invitation#/?v=…"
              value={text()}
              onInput={(event) => {
                setProblem(undefined)
                setText(event.currentTarget.value)
              }}
            />
          </div>
          <div class="row">
            <button type="button" class="button" onClick={() => setScanning(true)}>
              <Icon name="camera" /> Scan a QR code
            </button>
          </div>
          <p class="hint">
            <Show when={description()?.hosts[0]} fallback="Nothing is contacted before you join.">
              {(host) => (
                <>
                  Made on the server <bdi class="mono">{host()}</bdi>. It is contacted when you join.
                </>
              )}
            </Show>
          </p>
          <div class="field">
            <label for={ids.name}>Who is it from?</label>
            <input
              class="input"
              id={ids.name}
              autocomplete="off"
              maxlength={4 * maxNameLength}
              value={name()}
              onInput={(event) => setName(event.currentTarget.value)}
            />
            <p class="hint">Only you see this name. You can change it later.</p>
          </div>
          <ProblemNote problem={shownProblem()} />
          <button
            type="submit"
            class="button primary wide"
            disabled={busy() || text().trim() === "" || description()?.problem !== undefined}
          >
            {busy() ? "Joining…" : "Join"}
          </button>
        </form>
      </Show>
    </Modal>
  )
}
