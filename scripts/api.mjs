// npm run api: writes the API reports in etc/ anew, to be looked at as a difference and committed.
import { apiReports } from "./checks/api-reports.mjs"

const problems = apiReports({ update: true })
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1
