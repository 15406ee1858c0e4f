import { closeSync, fstatSync, openSync, readSync } from "node:fs"

const headerSize = 64
const magic = 0xbeefc0de
const metaFlag = 0x08

/**
 * Whether `path` is missing, empty, or begins as an LMDB data file does: two pages that each begin with a page header (24 bytes) and the
 * magic number. Opening anything else would end the process instead of throwing.
 */
export function mayBeDatabase(path: string): boolean {
  let file: number
  try {
    file = openSync(path, "r")
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT"
  }
  try {
    const { size } = fstatSync(file)
    if (size === 0) return true
    const pageSize = metaPageSize(file, 0)
    return pageSize !== undefined && size >= 2 * pageSize && metaPageSize(file, pageSize) === pageSize
  } finally {
    closeSync(file)
  }
}

function metaPageSize(file: number, at: number): number | undefined {
  const header = new DataView(new ArrayBuffer(headerSize))
  if (readSync(file, header, 0, headerSize, at) < headerSize) return undefined
  if ((header.getUint16(18, true) & metaFlag) === 0 || header.getUint32(24, true) !== magic) return undefined
  return header.getUint32(48, true)
}
