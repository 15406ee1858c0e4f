// npm run check: everything that can be said about the workspace without running it. One line a check, then what is wrong.
// node scripts/check.mjs NAME… runs some of the checks.
import { mkdirSync, writeFileSync } from "node:fs"
import { apiReports } from "./checks/api-reports.mjs"
import { docExamples } from "./checks/doc-examples.mjs"
import { errorCodes } from "./checks/error-codes.mjs"
import { machinePaths } from "./checks/machine-paths.mjs"
import { namedTests } from "./checks/named-tests.mjs"
import { packageContents } from "./checks/package-contents.mjs"
import { versions } from "./checks/versions.mjs"
import { root, tool } from "./workspace.mjs"

const checks = [
  { name: "build", run: () => tool("tsc", "-b") },
  { name: "types", run: () => tool("tsc", "-p", "tsconfig.test.json") },
  { name: "lint", run: () => tool("eslint", "--max-warnings=0", ".") },
  { name: "format", run: () => tool("prettier", "--check", "--log-level=warn", ".") },
  {
    name: "imports",
    run: () => tool("depcruise", "--config", ".dependency-cruiser.mjs", "packages", "interop", "examples"),
  },
  { name: "api", run: () => apiReports({ update: false }) },
  { name: "packages", run: packageContents },
  { name: "unused", run: () => tool("knip", "--no-progress", "--no-config-hints") },
  { name: "examples", run: docExamples },
  { name: "versions", run: versions },
  { name: "errors", run: errorCodes },
  { name: "named-tests", run: namedTests },
  { name: "paths", run: machinePaths },
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !checks.some((check) => check.name === name))
if (unknown.length > 0) {
  console.error(
    `no such check: ${unknown.join(", ")}. There are: ${checks.map(({ name }) => name).join(", ")}`,
  )
  process.exit(2)
}

const results = []
for (const { name, run } of checks) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const start = performance.now()
  let problems
  try {
    problems = await run()
  } catch (error) {
    problems = [error instanceof Error ? (error.stack ?? error.message) : String(error)]
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  results.push({ name, passed: problems.length === 0 })
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`)
  for (const problem of problems) console.log(problem.replace(/^/gm, "       "))
}

const failed = results.filter(({ passed }) => !passed)
mkdirSync(`${root}.reports`, { recursive: true })
writeFileSync(`${root}.reports/check.json`, `${JSON.stringify(results, undefined, 2)}\n`)
console.log(
  failed.length === 0
    ? `check: ${results.length} passed`
    : `check: ${results.length - failed.length} passed, ${failed.length} failed: ${failed.map(({ name }) => name).join(", ")}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
