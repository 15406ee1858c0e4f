import { createSignal, type JSX, Show } from "solid-js"
import { backupName, saveFile } from "../page/backup-file.ts"
import { problemOfCall } from "../page/port.ts"
import type { Session } from "../page/session.ts"
import type { Problem } from "../protocol.ts"
import { Icon } from "./icon.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** All conversations as one file, for another browser or for the day on which this device is gone. */
export function SaveBackup(props: { readonly session: Session }): JSX.Element {
  const [busy, setBusy] = createSignal(false)
  const [saved, setSaved] = createSignal("")
  const [problem, setProblem] = createSignal<Problem>()
  const save = async (): Promise<void> => {
    setBusy(true)
    setSaved("")
    setProblem(undefined)
    try {
      const { file } = await props.session.port.call("backup", {})
      const name = backupName(new Date())
      saveFile(file, name)
      setSaved(name)
    } catch (error) {
      setProblem(problemOfCall(error))
    }
    setBusy(false)
  }
  return (
    <section class="field">
      <h3>Backup</h3>
      <Show
        when={!props.session.hasNoPassphrase}
        fallback={
          <p class="hint">
            Only what has a passphrase can be saved: whoever finds the file could read everything otherwise.
          </p>
        }
      >
        <p class="hint">
          One file with all conversations, sealed with your passphrase. Another browser opens it on the first
          screen of this page. From then on, do not use the conversations here any more; each contact gets new
          keys first.
        </p>
        <div class="row">
          <button type="button" class="button" disabled={busy()} onClick={() => void save()}>
            <Icon name="save" /> {busy() ? "Saving…" : "Save a backup"}
          </button>
        </div>
        <p class="hint" role="status">
          {saved() === ""
            ? ""
            : `Your browser saves it as ${saved()}. What happens from now on is not in it: save another one from time to time.`}
        </p>
        <ProblemNote problem={problem()} />
      </Show>
    </section>
  )
}
