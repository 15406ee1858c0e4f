import { type JSX, Show } from "solid-js"
import type { Problem } from "../protocol.ts"
import { sentenceOf } from "../wording.ts"
import { Icon } from "./icon.tsx"

/** What went wrong, as a sentence that says what to do. A screen reader says it at once. */
export function ProblemNote(props: { readonly problem: Problem | undefined }): JSX.Element {
  return (
    <div role="alert">
      <Show when={props.problem}>
        {(problem) => (
          <p class="note bad">
            <Icon name="warning" />
            <span>{sentenceOf(problem())}</span>
          </p>
        )}
      </Show>
    </div>
  )
}
