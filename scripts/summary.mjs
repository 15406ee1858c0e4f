// The closing line of .ci/run: tests of vitest's JSON report and checks of scripts/check.mjs, counted together.
import { exists, readJson } from "./workspace.mjs"

let passed = 0
let failed = 0

if (exists(".reports/vitest.json")) {
  const report = readJson(".reports/vitest.json")
  passed += report.numPassedTests
  failed += report.numFailedTests
  // A file that does not load has no test that could fail; an error outside a test fails the run alone.
  for (const { status, assertionResults } of report.testResults) {
    if (status === "failed" && !assertionResults.some((result) => result.status === "failed")) failed += 1
  }
  if (!report.success && failed === 0) failed = 1
} else {
  console.log("vitest left no report")
  failed += 1
}

if (exists(".reports/check.json")) {
  for (const check of readJson(".reports/check.json")) {
    if (check.passed) passed += 1
    else failed += 1
  }
} else {
  console.log("npm run check left no report")
  failed += 1
}

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
