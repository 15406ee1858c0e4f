import { createSignal, createUniqueId, type JSX, Show } from "solid-js"
import type { Session } from "../page/session.ts"
import type { Problem } from "../protocol.ts"
import { Icon } from "./icon.tsx"
import { OpenBackup } from "./open-backup.tsx"
import { Deriving, PassphraseInput } from "./passphrase-input.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** The first start: a passphrase, or none on purpose. Later: the passphrase. */
export function LockScreen(props: { readonly session: Session }): JSX.Element {
  const phase = () => props.session.state.phase
  return (
    <Frame>
      <Show when={phase().name === "choose"} fallback={<Unlock session={props.session} />}>
        <First session={props.session} />
      </Show>
      <p class="fine">
        Whoever delivers this page can change it each time it is loaded. The safest way is to run{" "}
        <code>smpkit web</code> on your own device, which serves the released page from there.
      </p>
    </Frame>
  )
}

export function Frame(props: { readonly children: JSX.Element }): JSX.Element {
  return (
    <main class="frame">
      <div class="frame-box">
        <p class="brand">
          <span class="brand-mark" aria-hidden="true">
            <Icon name="chat" />
          </span>
          smpkit
        </p>
        {props.children}
      </div>
    </main>
  )
}

/** A new profile, or one from a file. */
function First(props: { readonly session: Session }): JSX.Element {
  const [fromBackup, setFromBackup] = createSignal(false)
  return (
    <Show
      when={fromBackup()}
      fallback={<Choose session={props.session} onBackup={() => setFromBackup(true)} />}
    >
      <OpenBackup session={props.session} onBack={() => setFromBackup(false)} />
    </Show>
  )
}

/** Shorter ones are guessed in hours by whoever has a copy of the store. */
const shortLength = 12

function Choose(props: { readonly session: Session; readonly onBackup: () => void }): JSX.Element {
  const [first, setFirst] = createSignal("")
  const [second, setSecond] = createSignal("")
  const [none, setNone] = createSignal(false)
  const opening = createOpening(props.session)
  const ids = { first: createUniqueId(), hint: createUniqueId(), second: createUniqueId() }
  const differ = () => second() !== "" && first() !== second()
  const ready = () => none() || (first() !== "" && first() === second())
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (ready()) void opening.open(none() ? "" : first())
      }}
    >
      <h1>Private conversations, without an account</h1>
      <p>
        No name, no number, no sign-up. Everything stays on this device, sealed with a passphrase that only
        you know. Nobody can recover it for you.
      </p>
      <Show when={!none()}>
        <div class="field">
          <label for={ids.first}>Passphrase</label>
          <PassphraseInput id={ids.first} hint={ids.hint} isNew value={first()} onInput={setFirst} />
          <p class="hint" id={ids.hint}>
            {first() !== "" && first().length < shortLength
              ? "Short ones can be guessed: a few words are better."
              : "Several words are easy to remember and hard to guess."}
          </p>
        </div>
        <div class="field">
          <label for={ids.second}>Once more</label>
          <PassphraseInput id={ids.second} isNew value={second()} onInput={setSecond} />
          <p class="hint" role="status">
            {differ() ? "The two are not the same yet." : ""}
          </p>
        </div>
      </Show>
      <label class="check">
        <input type="checkbox" checked={none()} onChange={(event) => setNone(event.currentTarget.checked)} />
        <span>No passphrase: whoever can use this device and browser can read everything</span>
      </label>
      <ProblemNote problem={opening.problem()} />
      <button class="button primary wide" type="submit" disabled={!ready() || opening.busy()}>
        {opening.busy() ? "Sealing…" : none() ? "Continue without a passphrase" : "Begin"}
      </button>
      <Deriving busy={opening.busy() && !none()} />
      <button
        type="button"
        class="text-button muted"
        disabled={opening.busy()}
        onClick={() => {
          props.onBackup()
        }}
      >
        Open a backup
      </button>
    </form>
  )
}

function Unlock(props: { readonly session: Session }): JSX.Element {
  const [passphrase, setPassphrase] = createSignal("")
  const opening = createOpening(props.session)
  const id = createUniqueId()
  const wasLocked = () => {
    const { phase } = props.session.state
    return phase.name === "unlock" && phase.wasLocked
  }
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void opening.open(passphrase())
      }}
    >
      <h1>{wasLocked() ? "Locked" : "Welcome back"}</h1>
      <p>Your conversations are sealed on this device.</p>
      <div class="field">
        <label for={id}>Passphrase</label>
        <PassphraseInput id={id} value={passphrase()} onInput={setPassphrase} />
      </div>
      <ProblemNote problem={opening.problem()} />
      <button class="button primary wide" type="submit" disabled={opening.busy()}>
        {opening.busy() ? "Unlocking…" : "Unlock"}
      </button>
      <Deriving busy={opening.busy()} />
      <Forgotten session={props.session} />
    </form>
  )
}

/** There is no way back to a sealed store: only a new beginning. */
function Forgotten(props: { readonly session: Session }): JSX.Element {
  const [asking, setAsking] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem>()
  const erase = async (): Promise<void> => {
    setProblem(await props.session.erase())
  }
  return (
    <Show
      when={asking()}
      fallback={
        <button type="button" class="text-button muted" onClick={() => setAsking(true)}>
          Forgotten?
        </button>
      }
    >
      <p class="hint">
        Nobody can recover a passphrase. You can only begin again: all conversations on this device are then
        deleted for good.
      </p>
      <div class="row">
        <button type="button" class="button danger" onClick={() => void erase()}>
          Delete everything
        </button>
        <button type="button" class="button" onClick={() => setAsking(false)}>
          Keep it
        </button>
      </div>
      <ProblemNote problem={problem()} />
    </Show>
  )
}

function createOpening(session: Session): {
  readonly busy: () => boolean
  readonly problem: () => Problem | undefined
  readonly open: (passphrase: string) => Promise<void>
} {
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem>()
  const open = async (passphrase: string): Promise<void> => {
    if (busy()) return
    setBusy(true)
    setProblem(undefined)
    setProblem(await session.open(passphrase))
    setBusy(false)
  }
  return { busy, problem, open }
}
