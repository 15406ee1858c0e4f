import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from "node:fs"
import { WireError } from "@smpkit/codec"

// The two pages at the start of an LMDB file: a page header of 24 bytes, then magic, version, address, map size, two table descriptions.
const headerSize = 160
const magic = 0xbeefc0de
const metaFlag = 0x08
const at = { flags: 18, magic: 24, pageSize: 48, lastPage: 144 } as const

/**
 * Throws `WireError` unless `path` is missing, empty, or begins as a database file: opening something else would end the process. A file that was
 * cut is filled up with zeros, which the database refuses where a page belongs, instead of a fault of the system when it is read.
 */
export function assertDatabase(path: string): void {
  let file: number
  try {
    file = openSync(path, "r+")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return
    throw error
  }
  try {
    const { size } = fstatSync(file)
    if (size === 0) return
    const first = readMeta(file, 0)
    const second = readMeta(file, first.pageSize)
    if (second.pageSize !== first.pageSize) throw new WireError("the file's two heads differ", first.pageSize)
    const whole = (Math.max(first.lastPage, second.lastPage) + 1) * first.pageSize
    if (size < whole) ftruncateSync(file, whole)
  } finally {
    closeSync(file)
  }
}

function readMeta(file: number, offset: number): { readonly pageSize: number; readonly lastPage: number } {
  const head = new DataView(new ArrayBuffer(headerSize))
  const isMeta =
    readSync(file, head, 0, headerSize, offset) === headerSize &&
    (head.getUint16(at.flags, true) & metaFlag) !== 0 &&
    head.getUint32(at.magic, true) === magic
  if (!isMeta) throw new WireError("no database file", offset)
  return {
    pageSize: head.getUint32(at.pageSize, true),
    lastPage: Number(head.getBigUint64(at.lastPage, true)),
  }
}
