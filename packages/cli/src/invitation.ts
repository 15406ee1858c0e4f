import { chmod, writeFile } from "node:fs/promises"
import { isTerminal, styleOf } from "./terminal.ts"

/** Half of the quiet zone that the standard asks for: every line counts on a terminal, and scanners cope. */
const qrOptions = { border: 2 } as const

/** Where an invitation is shown, besides as text. */
export interface QrOptions {
  /** A file that gets the code as SVG. */
  readonly qr?: string
}

/**
 * Shows an invitation on a stream: the link as text, and as a QR code where one fits the terminal, or in a file.
 * `print` writes one or more lines to the stream.
 */
export async function showInvitation(
  link: string,
  stream: NodeJS.WriteStream,
  { qr }: QrOptions,
  print: (lines: string) => void = (lines) => stream.write(`${lines}\n`),
): Promise<void> {
  const style = styleOf(stream)
  print(link)
  if (qr !== undefined) {
    const { renderSVG } = await import("uqr")
    await writeFile(qr, renderSVG(link, { border: 4 }), { mode: 0o600 })
    await chmod(qr, 0o600) // the link is a secret, also where the file was there before
    print(style.dim(`The same as a QR code is in ${qr}.`))
    return
  }
  if (!isTerminal(stream)) return
  const code = await terminalCode(link, stream.columns, stream.rows)
  print(code ?? style.dim("A QR code of it does not fit this terminal: --qr FILE.svg writes one to a file."))
}

/** The link as a QR code of half blocks; `undefined` when it has no room. */
async function terminalCode(link: string, columns: number, rows: number): Promise<string | undefined> {
  const { encode, renderUnicodeCompact } = await import("uqr")
  const { size } = encode(link, qrOptions)
  if (size > columns || Math.ceil(size / 2) + 2 > rows) return undefined
  return renderUnicodeCompact(link, qrOptions)
}
