import { isTerminal } from "../terminal.ts"
import { notice } from "./notice.ts"

const eraseLine = "\r\u001b[K"
const saveCursor = "\u001b7"

/** Shows how far a transfer is; does nothing where nobody looks. */
export interface Progress {
  readonly update: (bytes: number) => void
  /** Prints a line about what is going on, above the bar. */
  readonly notice: (line: string) => void
  readonly stop: () => void
}

/** For where a bar has no place. */
export const silent: Progress = { update: () => undefined, notice, stop: () => undefined }

/** A progress bar on stderr when that is a terminal; `total` is undefined where the length is not known beforehand. */
export async function progressBar(what: string, total: number | undefined): Promise<Progress> {
  if (!isTerminal(process.stderr)) return silent
  const { SingleBar, Presets } = await import("cli-progress")
  const known = "{what} [{bar}] {percentage}% {mib} of {totalMib} MiB, {rate} MiB/s"
  const unknown = "{what} {mib} MiB, {rate} MiB/s"
  const bar = new SingleBar(
    {
      barsize: barWidth(process.stderr.columns),
      format: total === undefined ? unknown : known,
      hideCursor: true,
      forceRedraw: true,
      clearOnComplete: false,
      etaBuffer: 50,
      fps: 10,
    },
    Presets.shades_classic,
  )
  const started = performance.now()
  let bytes = 0
  const payload = (): object => ({
    what,
    mib: mebibytes(bytes),
    totalMib: mebibytes(total ?? 0),
    rate: mebibytes(bytes / Math.max(0.001, (performance.now() - started) / 1000)),
  })
  const show = (): void => {
    bar.update(total === 0 ? 1 : Math.min(bytes, total ?? 0), payload())
  }
  bar.start(Math.max(1, total ?? 1), 0, payload())
  return {
    update: (now) => {
      bytes = now
      show()
    },
    notice: (line) => {
      process.stderr.write(eraseLine)
      notice(line)
      show()
    },
    stop: () => {
      show()
      // The bar's stop goes back to where the cursor was saved at its start: notices have moved the bar since.
      process.stderr.write(saveCursor)
      bar.stop()
    },
  }
}

// What a line holds besides the bar: "received", the percentage, three numbers with one decimal and their units.
const besidesBar = 50

/** How long the bar may be so that the figures after it are still on the line. */
export function barWidth(columns: number | undefined): number {
  return Math.max(5, Math.min(40, (columns ?? 80) - besidesBar))
}

function mebibytes(bytes: number): string {
  return (bytes / (1024 * 1024)).toFixed(1)
}
