import { createSignal, createUniqueId, type JSX, onCleanup, onMount, Show } from "solid-js"
import { qrTextOf, startCamera } from "../page/scan.ts"
import type { Problem } from "../protocol.ts"
import { Icon } from "./icon.tsx"
import { ProblemNote } from "./problem-note.tsx"

/** Reads a QR code from the camera, or from a picture. No frame leaves the page. */
export function Scanner(props: {
  readonly onText: (text: string) => void
  readonly onCancel: () => void
}): JSX.Element {
  const [problem, setProblem] = createSignal<Problem>()
  const [chosen, setChosen] = createSignal("")
  const [seeing, setSeeing] = createSignal(false)
  const stop = new AbortController()
  const id = createUniqueId()
  let video: HTMLVideoElement | undefined
  onCleanup(() => {
    stop.abort()
  })
  onMount(() => {
    if (video === undefined) return
    startCamera(video, { onText: props.onText, onStart: () => setSeeing(true), signal: stop.signal }).catch(
      () => {
        // Whoever has chosen a picture meanwhile needs no camera.
        if (!stop.signal.aborted && chosen() === "") setProblem({ code: "NO_CAMERA", message: "" })
      },
    )
  })
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return
    setChosen(file.name)
    setProblem(undefined)
    const text = await qrTextOf(file)
    if (text === undefined) setProblem({ code: "NO_QR", message: "" })
    else props.onText(text)
  }
  return (
    <div class="stack">
      <div class="viewfinder" data-seeing={seeing() ? "true" : "false"}>
        <video
          muted
          playsinline
          aria-label="What the camera sees"
          ref={(element) => {
            video = element
          }}
        />
        <p class="viewfinder-hint">Hold the code before the camera</p>
      </div>
      <ProblemNote problem={problem()} />
      <Show when={problem() !== undefined && chosen() !== ""}>
        <p class="hint">
          Picture: <bdi>{chosen()}</bdi>
        </p>
      </Show>
      <div class="row">
        <label class="button" for={id}>
          <Icon name="picture" /> Choose a picture
        </label>
        <input
          class="visually-hidden"
          id={id}
          type="file"
          accept="image/*"
          onChange={(event) => void read(event.currentTarget.files?.[0])}
        />
        <button
          type="button"
          class="button"
          onClick={() => {
            props.onCancel()
          }}
        >
          Back
        </button>
      </div>
    </div>
  )
}
