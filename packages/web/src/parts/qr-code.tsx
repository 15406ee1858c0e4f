import { encodeQR } from "qr"
import { createMemo, type JSX } from "solid-js"

/** Light squares around the code: scanners look for them. */
const border = 3

/** A text as a QR code: one path, made element by element. */
export function QrCode(props: { readonly text: string; readonly label: string }): JSX.Element {
  const code = createMemo(() => encodeQR(props.text, "raw", { ecc: "low", border }))
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${code().length} ${code().length}`}
      role="img"
      aria-label={props.label}
      shape-rendering="crispEdges"
    >
      <path d={pathOf(code())} />
    </svg>
  )
}

/** Dark modules as horizontal strokes. */
function pathOf(rows: readonly (readonly boolean[])[]): string {
  const strokes: string[] = []
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < row.length; x++) {
      const start = x
      while (row[x] === true) x++
      if (x > start) strokes.push(`M${start} ${y}h${x - start}v1h-${x - start}z`)
    }
  }
  return strokes.join("")
}
