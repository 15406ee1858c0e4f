import { exists, readText } from "../workspace.mjs"

const documents = ["docs/cryptography.md", "docs/security.md"]

/**
 * The tables of these documents name tests in their column `test`: a path in backticks, of a test or of a suite below `test`, after
 * it the titles in backticks that stand in that file.
 * A cell without backticks says what is missing and is taken as it is.
 */
export function namedTests() {
  return documents.flatMap(namedIn)
}

function namedIn(document) {
  if (!exists(document)) return [`${document} does not exist`]
  const problems = []
  let column
  let named = 0
  for (const [i, line] of readText(document).split("\n").entries()) {
    if (!line.trimStart().startsWith("|")) {
      column = undefined
      continue
    }
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim())
    if (column === undefined) {
      column = cells.findIndex((cell) => /^tests?$/i.test(cell))
      continue
    }
    if (column < 0 || /^:?-+:?$/.test(cells[column] ?? "")) continue
    let content
    for (const [, quoted] of (cells[column] ?? "").matchAll(/`([^`]+)`/g)) {
      const where = `${document}:${i + 1}`
      if (/^[\w.-]+\/(?:[\w./-]+\.test|[\w./-]+\/test\/[\w./-]+)\.ts$/.test(quoted)) {
        named++
        content = exists(quoted) ? readText(quoted) : undefined
        if (content === undefined) problems.push(`${where} names ${quoted}, which does not exist`)
      } else if (content !== undefined && !content.includes(quoted)) {
        problems.push(`${where}: no test is called "${quoted}"`)
      } else if (content === undefined && problems.length === 0) {
        problems.push(`${where}: "${quoted}" stands before the path of its file`)
      }
    }
  }
  if (named === 0) problems.push(`${document} has no table with a column "test" that names one`)
  return problems
}
