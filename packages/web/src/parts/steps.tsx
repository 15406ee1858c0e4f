import type { JSX } from "solid-js"

/** How a conversation begins. */
export function Steps(): JSX.Element {
  return (
    <ol class="steps">
      <li>
        <strong>Make an invitation.</strong> It is a link and a QR code, for one person, and works once.
      </li>
      <li>
        <strong>Hand it over.</strong> In person, or by something that others cannot read.
      </li>
      <li>
        <strong>Talk.</strong> Only the two of you can read it: the server passes on what it cannot open.
      </li>
    </ol>
  )
}
