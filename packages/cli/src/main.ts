import { run } from "./program.ts"

// What `bin/smpkit.js` imports. The exit code is set, not forced, so that what was written is flushed.
process.exitCode = await run(process.argv.slice(2))
