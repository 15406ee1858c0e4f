/** How each exported agent begins (docs/decisions/009-moving-a-store.md). */
const beginning = "smpkit agent store\n"

/** Whether a file is a backup at all, before anybody is asked for its passphrase. Whether it is whole is found out when it is opened. */
export async function isBackup(file: Blob): Promise<boolean> {
  try {
    return (await file.slice(0, beginning.length).text()) === beginning
  } catch {
    // It is gone, or may not be read.
    return false
  }
}

/** A name that sorts by its day. */
export function backupName(day: Date): string {
  const two = (n: number): string => n.toString().padStart(2, "0")
  return `smpkit-${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}.smpkit`
}

/** The browser has taken the file by then; an address that is never given back keeps it in memory. */
const takenMs = 60_000

/** Gives a file to the browser to be saved. The page's policy needs no exception for it: the browser fetches it, no part of the page does. */
export function saveFile(file: Blob, name: string): void {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  setTimeout(() => {
    URL.revokeObjectURL(link.href)
  }, takenMs)
}
