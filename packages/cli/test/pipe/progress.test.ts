import { afterEach, expect, test, vi } from "vitest"
import { barWidth, progressBar } from "../../src/pipe/progress.ts"

const saveCursor = "\u001b7"
const restoreCursor = "\u001b8"
const isTTY = Object.getOwnPropertyDescriptor(process.stderr, "isTTY")

afterEach(() => {
  vi.restoreAllMocks()
  if (isTTY === undefined) Reflect.deleteProperty(process.stderr, "isTTY")
  else Object.defineProperty(process.stderr, "isTTY", isTTY)
})

test.each([
  { columns: 120, width: 40 },
  { columns: 90, width: 40 },
  { columns: 60, width: 10 },
  { columns: 20, width: 5 },
  { columns: undefined, width: 30 },
])("a terminal of $columns columns has a bar of $width", ({ columns, width }) => {
  expect(barWidth(columns)).toBe(width)
})

test("what follows the bar begins below it, also after notices have moved it down", async () => {
  let written = ""
  Object.defineProperty(process.stderr, "isTTY", { value: true, configurable: true })
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written += String(text)
    return true
  })
  const progress = await progressBar("sent", 10)
  progress.notice("first line")
  progress.notice("second line")
  progress.stop()
  const end = written.lastIndexOf(restoreCursor)
  expect(end).toBeGreaterThan(written.lastIndexOf("second line"))
  expect(written.lastIndexOf(saveCursor, end)).toBeGreaterThan(written.lastIndexOf("second line"))
  expect(written.endsWith("\n")).toBe(true)
})
