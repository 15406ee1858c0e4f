import { createLogger } from "@smpkit/server"
import { expect, test } from "vitest"
import { logDestination } from "../src/log-destination.ts"

function written(isTTY: boolean): string {
  let out = ""
  const logger = createLogger(logDestination({ isTTY, write: (text) => (out += text) }))
  logger.info({ store: "disk" }, "started")
  logger.warn("the store is full")
  return out
}

test("a person at a terminal reads sentences", () => {
  expect(written(true)).toBe("smpkit: started (store disk)\nsmpkit: the store is full\n")
})

test("everything else gets one object a line", () => {
  const lines = written(false).trim().split("\n")
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    "started",
    "the store is full",
  ])
})
