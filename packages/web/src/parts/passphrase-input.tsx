import { type JSX, onMount, Show } from "solid-js"

export function PassphraseInput(props: {
  readonly id: string
  readonly hint?: string
  readonly isNew?: boolean
  readonly value: string
  readonly onInput: (value: string) => void
}): JSX.Element {
  // The first one on the page has the focus, where there are two.
  onMount(() => document.querySelector<HTMLInputElement>("input[type=password]")?.focus())
  return (
    <input
      class="input"
      id={props.id}
      type="password"
      autocomplete={props.isNew === true ? "new-password" : "current-password"}
      aria-describedby={props.hint}
      value={props.value}
      onInput={(event) => {
        props.onInput(event.currentTarget.value)
      }}
    />
  )
}

/**
 * That something goes on whose end is not known: deriving the key tells nothing until it is done. It runs in the worker, so this moves meanwhile.
 */
export function Working(props: { readonly children: JSX.Element }): JSX.Element {
  return (
    <div class="working">
      <span class="working-bar" aria-hidden="true" />
      <p class="hint" role="status">
        {props.children}
      </p>
    </div>
  )
}

/** Why it takes its time. */
export function Deriving(props: { readonly busy: boolean }): JSX.Element {
  return (
    <Show when={props.busy}>
      <Working>This takes a few seconds on purpose: it makes guessing your passphrase slow.</Working>
    </Show>
  )
}
