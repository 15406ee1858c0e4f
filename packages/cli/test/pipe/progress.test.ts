import { expect, test } from "vitest"
import { barWidth } from "../../src/pipe/progress.ts"

test.each([
  { columns: 120, width: 40 },
  { columns: 90, width: 40 },
  { columns: 60, width: 10 },
  { columns: 20, width: 5 },
  { columns: undefined, width: 30 },
])("a terminal of $columns columns has a bar of $width", ({ columns, width }) => {
  expect(barWidth(columns)).toBe(width)
})
