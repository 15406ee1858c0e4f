import { createSignal, createUniqueId, For, type JSX, Show } from "solid-js"
import { problemOfCall } from "../page/port.ts"
import type { Theme } from "../page/preferences.ts"
import type { Session } from "../page/session.ts"
import type { Problem, Settings } from "../protocol.ts"
import { Modal } from "./modal.tsx"
import { ProblemNote } from "./problem-note.tsx"
import { SaveBackup } from "./save-backup.tsx"

const themes: readonly { readonly theme: Theme; readonly label: string }[] = [
  { theme: "system", label: "Like the device" },
  { theme: "light", label: "Light" },
  { theme: "dark", label: "Dark" },
]
const idleChoices = [5, 15, 60, 0]

/** What can be set: how it looks, when it locks, what the other side learns. */
export function SettingsDialog(props: { readonly session: Session }): JSX.Element {
  const [problem, setProblem] = createSignal<Problem>()
  const id = createUniqueId()
  const settings = () => props.session.state.settings
  const change = async (part: Partial<Settings>): Promise<void> => {
    setProblem(undefined)
    try {
      await props.session.configure({ ...settings(), ...part })
    } catch (error) {
      setProblem(problemOfCall(error))
    }
  }
  return (
    <Modal
      title="Settings"
      onClose={() => {
        props.session.setDialog(undefined)
      }}
    >
      <div class="stack">
        <fieldset class="field">
          <legend>Colours</legend>
          <div class="choices">
            <For each={themes}>
              {({ theme, label }) => (
                <label class="choice">
                  <input
                    type="radio"
                    name="theme"
                    checked={props.session.state.theme === theme}
                    onChange={() => {
                      props.session.setTheme(theme)
                    }}
                  />
                  <span>{label}</span>
                </label>
              )}
            </For>
          </div>
        </fieldset>
        <Show
          when={!props.session.hasNoPassphrase}
          fallback={
            <p class="hint">This profile has no passphrase: it opens for whoever uses this browser.</p>
          }
        >
          <div class="field">
            <label for={id}>Lock when nobody uses the page</label>
            <select
              class="input"
              id={id}
              onChange={(event) => void change({ idleMinutes: Number(event.currentTarget.value) })}
            >
              <For each={idleChoices}>
                {(minutes) => (
                  <option value={String(minutes)} selected={settings().idleMinutes === minutes}>
                    {minutes === 0 ? "Never" : `After ${minutes} minutes`}
                  </option>
                )}
              </For>
            </select>
            <p class="hint">A locked page receives nothing; the server keeps the messages meanwhile.</p>
          </div>
        </Show>
        <label class="check">
          <input
            type="checkbox"
            checked={settings().receipts}
            onChange={(event) => void change({ receipts: event.currentTarget.checked })}
          />
          <span>Let others know that their messages have arrived</span>
        </label>
        <ProblemNote problem={problem()} />
        <SaveBackup session={props.session} />
        <p class="fine">
          Whoever delivers this page can change it each time it is loaded. The safest way is to run{" "}
          <code>smpkit web</code> on your own device, which serves the released page from there.
        </p>
      </div>
    </Modal>
  )
}
