import { createUniqueId, type JSX, onCleanup, onMount } from "solid-js"
import { Icon } from "./icon.tsx"

/** A dialog above the page: the browser keeps focus in it, Escape closes it, and focus goes back where it was. */
export function Modal(props: {
  readonly title: string
  readonly onClose: () => void
  readonly children: JSX.Element
}): JSX.Element {
  const id = createUniqueId()
  let dialog: HTMLDialogElement | undefined
  let isGone = false
  onCleanup(() => {
    isGone = true
  })
  onMount(() => {
    const opener = document.activeElement
    dialog?.showModal()
    onCleanup(() => {
      if (opener instanceof HTMLElement) opener.focus()
    })
  })
  return (
    <dialog
      ref={(element) => {
        dialog = element
      }}
      class="modal"
      aria-labelledby={id}
      onClose={() => {
        // The browser tells it later: another dialog may be there by then.
        if (!isGone) props.onClose()
      }}
      onClick={(event) => {
        if (event.target === dialog) dialog.close()
      }}
    >
      <div class="modal-box">
        <header class="modal-head">
          <h2 id={id}>{props.title}</h2>
          <button
            type="button"
            class="button quiet square"
            aria-label="Close"
            onClick={() => {
              dialog?.close()
            }}
          >
            <Icon name="close" />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  )
}
