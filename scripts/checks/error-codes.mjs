import ts from "typescript"
import { exists, packages, readText, root } from "../workspace.mjs"

/**
 * `docs/errors.md` lists, under a heading that names the package in backticks, a table whose first column holds the code in backticks.
 * Code and document are compared both ways. Codes in the code: string members of a type alias whose name ends in `ErrorCode`,
 * and the text given to a `code` of a class that extends an error.
 */
export function errorCodes() {
  if (!exists("docs/errors.md")) return ["docs/errors.md does not exist"]
  const listed = listedCodes(readText("docs/errors.md"))
  const problems = []
  for (const { directory, manifest } of packages) {
    if (manifest.name === "@smpkit/testkit") continue
    const thrown = thrownCodes(directory)
    const written = listed.get(manifest.name) ?? new Set()
    listed.delete(manifest.name)
    for (const code of thrown) {
      if (!written.has(code)) problems.push(`docs/errors.md does not list ${code} of ${manifest.name}`)
    }
    for (const code of written) {
      if (!thrown.has(code))
        problems.push(`docs/errors.md lists ${code}, which ${manifest.name} does not have`)
    }
  }
  for (const name of listed.keys()) problems.push(`docs/errors.md has codes of ${name}, which is no package`)
  return problems
}

function listedCodes(text) {
  const listed = new Map()
  let codes
  for (const line of text.split("\n")) {
    const heading = /^#+ (.*)$/.exec(line)
    if (heading !== null) {
      const name = /`(@smpkit\/[\w-]+|smpkit)`/.exec(heading[1])?.[1]
      codes = name === undefined ? undefined : (listed.get(name) ?? new Set())
      if (name !== undefined) listed.set(name, codes)
    }
    const firstCell = /^\|([^|]*)\|/.exec(line)?.[1] ?? ""
    for (const [, code] of firstCell.matchAll(/`([A-Z][A-Z0-9_]*)`/g)) codes?.add(code)
  }
  return listed
}

function thrownCodes(directory) {
  const { config } = ts.readConfigFile(`${root}${directory}/tsconfig.json`, ts.sys.readFile)
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, `${root}${directory}`)
  const program = ts.createProgram(fileNames, options)
  const checker = program.getTypeChecker()
  const codes = new Set()
  const addLiterals = (type) => {
    for (const member of type.isUnion() ? type.types : [type])
      if (member.isStringLiteral()) codes.add(member.value)
  }
  const visit = (node) => {
    if (ts.isTypeAliasDeclaration(node) && node.name.text.endsWith("ErrorCode")) {
      addLiterals(checker.getTypeAtLocation(node.name))
    }
    if (
      ts.isClassDeclaration(node) &&
      node.heritageClauses?.some((clause) => /Error/.test(clause.getText()))
    ) {
      for (const member of node.members) {
        if (!ts.isPropertyDeclaration(member) || member.name.getText() !== "code") continue
        if (member.initializer !== undefined) addLiterals(checker.getTypeAtLocation(member.initializer))
      }
    }
    ts.forEachChild(node, visit)
  }
  for (const file of program.getSourceFiles()) {
    if (file.fileName.startsWith(`${root}${directory}/src/`)) visit(file)
  }
  return codes
}
