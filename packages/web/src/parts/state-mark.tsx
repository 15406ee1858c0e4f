import type { JSX } from "solid-js"
import type { SendState } from "../protocol.ts"
import { stateText } from "../wording.ts"
import { Icon } from "./icon.tsx"

/** How far a message of ours has come. */
export function StateMark(props: { readonly state: SendState }): JSX.Element {
  return (
    <Icon name={props.state} label={stateText(props.state)} class={`icon small mark mark-${props.state}`} />
  )
}
