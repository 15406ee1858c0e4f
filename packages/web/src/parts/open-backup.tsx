import { createSignal, createUniqueId, type JSX, onMount, Show } from "solid-js"
import { isBackup } from "../page/backup-file.ts"
import type { Session } from "../page/session.ts"
import type { Problem } from "../protocol.ts"
import { Icon } from "./icon.tsx"
import { Deriving, PassphraseInput } from "./passphrase-input.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** A profile from a file, in place of a new one. */
export function OpenBackup(props: { readonly session: Session; readonly onBack: () => void }): JSX.Element {
  const [file, setFile] = createSignal<File>()
  const [passphrase, setPassphrase] = createSignal("")
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem>()
  const ids = { file: createUniqueId(), passphrase: createUniqueId(), hint: createUniqueId() }
  let chooser: HTMLInputElement | undefined
  onMount(() => chooser?.focus())
  const choose = async (chosen: File | undefined): Promise<void> => {
    if (chosen === undefined) return
    const good = await isBackup(chosen)
    setProblem(good ? undefined : { code: "NO_BACKUP", message: "" })
    setFile(good ? chosen : undefined)
  }
  const open = async (backup: File): Promise<void> => {
    if (busy() || passphrase() === "") return
    setBusy(true)
    setProblem(undefined)
    setProblem(await props.session.restore(backup, passphrase()))
    setBusy(false)
  }
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        const backup = file()
        if (backup !== undefined) void open(backup)
      }}
    >
      <h1>Open a backup</h1>
      <p>
        Do not use the conversations on the old device or browser any more: only one place may go on with
        them. Each contact gets new keys first, so what you write may wait until their program answers.
      </p>
      <div class="field">
        <label class="button" for={ids.file}>
          <Icon name="file" /> {file() === undefined ? "Choose the file" : "Choose another file"}
        </label>
        <input
          ref={(element) => {
            chooser = element
          }}
          class="visually-hidden"
          id={ids.file}
          type="file"
          disabled={busy()}
          onChange={(event) => void choose(event.currentTarget.files?.[0])}
        />
        <Show when={file()}>
          {(chosen) => (
            <p class="hint">
              Backup: <bdi>{chosen().name}</bdi>
            </p>
          )}
        </Show>
      </div>
      <Show when={file() !== undefined}>
        <div class="field">
          <label for={ids.passphrase}>Passphrase</label>
          <PassphraseInput id={ids.passphrase} hint={ids.hint} value={passphrase()} onInput={setPassphrase} />
          <p class="hint" id={ids.hint}>
            The one that you used where the backup was saved. It is the one to unlock with here, too.
          </p>
        </div>
      </Show>
      <ProblemNote problem={problem()} />
      <button
        class="button primary wide"
        type="submit"
        disabled={file() === undefined || passphrase() === "" || busy()}
      >
        {busy() ? "Opening…" : "Open"}
      </button>
      <Deriving busy={busy()} />
      <button
        type="button"
        class="text-button muted"
        disabled={busy()}
        onClick={() => {
          props.onBack()
        }}
      >
        Begin without one
      </button>
    </form>
  )
}
