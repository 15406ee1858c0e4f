// Imports an agent, on the built package, and is killed meanwhile. Arguments: directory, file, passphrase.
import { importAgent } from "../../dist/node/index.js"

const [dir, file, passphrase] = process.argv.slice(2)
process.stdout.write("begun\n")
await importAgent({ dir, file, passphrase })
process.stdout.write("done\n")
