import type { JSX } from "solid-js"
import { initialsOf } from "../format.ts"
import type { Conversation } from "../protocol.ts"
import { nameOf } from "../wording.ts"

const colours = 6

/** A conversation's initials on its colour: decoration, its name stands beside it. */
export function Avatar(props: { readonly of: Pick<Conversation, "name" | "number"> }): JSX.Element {
  return (
    <span class={`avatar colour-${props.of.number % colours}`} aria-hidden="true">
      {initialsOf(nameOf(props.of))}
    </span>
  )
}
