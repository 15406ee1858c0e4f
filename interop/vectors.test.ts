import { existsSync, readdirSync, readFileSync } from "node:fs"
import { vectorsUrl } from "@smpkit/testkit"
import { expect, test } from "vitest"

/** What exists as codecs alone, until there is private routing. */
const withoutReplay = ["proxy", "conversations/proxy"]

const files = ["", "conversations/"].flatMap((folder) =>
  readdirSync(new URL(folder, vectorsUrl))
    .filter((name) => name.endsWith(".json"))
    .map((name) => `${folder}${name.slice(0, -5)}`),
)

/** The rows of the table in the README of this folder: vectors, and the tests of both columns. */
const rows = readFileSync(new URL("README.md", import.meta.url), "utf8")
  .split("## Which test replays which vectors")[1]
  ?.split("\n")
  .flatMap((line) => {
    const [, name, server, agent] = line.split("|")
    const vectors = namesIn(name ?? "")[0]
    return vectors === undefined || agent === undefined
      ? []
      : [{ vectors, server: namesIn(server ?? ""), agent: namesIn(agent) }]
  })

function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "")
}

test("every file of vectors is in the table, and nothing else is", () => {
  expect(rows?.map(({ vectors }) => vectors).sort()).toEqual([...files].sort())
})

test.each(files)("%s.json is replayed by the tests that the table names", (file) => {
  const row = rows?.find(({ vectors }) => vectors === file) ?? expect.fail("not in the table")
  const tests = [...row.server, ...row.agent]
  expect(tests).not.toEqual([])
  // As text of their own: that is how they load it, or list it for a test of many.
  const literal = `"${file.replace("conversations/", "")}"`
  for (const path of tests) {
    const url = new URL(`../${path}`, import.meta.url)
    expect([path, existsSync(url) && readFileSync(url, "utf8").includes(literal)]).toEqual([path, true])
  }
  if (file.startsWith("conversations/") && !withoutReplay.includes(file)) {
    expect(row.server).toContain("packages/server/test/conversations.test.ts")
    expect(row.agent.filter((path) => path.startsWith("interop/"))).not.toEqual([])
  }
})
