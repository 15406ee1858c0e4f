import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { files, readText, root, tool } from "../workspace.mjs"

/** Code blocks marked `ts` of the documents compile against what the packages export. */
export async function docExamples() {
  const directory = ".reports/examples"
  rmSync(`${root}${directory}`, { recursive: true, force: true })
  mkdirSync(`${root}${directory}`, { recursive: true })
  const names = []
  for (const path of await files("README.md", "docs/*.md", "packages/*/README.md", "examples/*/README.md")) {
    for (const { line, code } of blocks(readText(path))) {
      const name = `${path.replaceAll("/", "__").replace(/\.md$/, "")}__${line}.ts`
      // Empty lines before the block give it the line numbers of the document.
      writeFileSync(`${root}${directory}/${name}`, `${"\n".repeat(line)}${code}\nexport {}\n`)
      names.push(name)
    }
  }
  if (names.length === 0) return []
  const config = {
    extends: "../../tsconfig.base.json",
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noEmit: true,
      types: ["node"],
    },
    files: names,
  }
  writeFileSync(`${root}${directory}/tsconfig.json`, JSON.stringify(config))
  return tool("tsc", "-p", `${directory}/tsconfig.json`)
}

function blocks(text) {
  const found = []
  let block
  for (const [i, line] of text.split("\n").entries()) {
    if (block === undefined) {
      if (/^\s*```ts\s*$/.test(line)) block = { line: i + 1, lines: [] }
    } else if (/^\s*```\s*$/.test(line)) {
      found.push({ line: block.line, code: block.lines.join("\n") })
      block = undefined
    } else {
      block.lines.push(line)
    }
  }
  if (block !== undefined) throw new Error(`a code block that begins on line ${block.line} has no end`)
  return found
}
