// A process that writes numbered records until it is killed, on the built package. Argument: directory.
// Prints "open", then each number once its update has resolved.
import { sha256, systemRandom } from "@smpkit/crypto"
import { lmdbRawStore } from "../../dist/store/lmdb.js"
import { openSealedStore } from "../../dist/store/sealed.js"

const text = new TextEncoder()
try {
  const store = await openSealedStore(
    await lmdbRawStore(process.argv[2] ?? ""),
    { passphrase: "a passphrase", random: systemRandom },
    (passphrase, salt) => sha256(passphrase, salt),
  )
  process.stdout.write("open\n")
  for (let i = [...store.list("numbers")].length; ; i++) {
    await store.update((tx) => {
      // Two records that must stay equal, and one that is new each time.
      tx.put("pair", "a", text.encode(String(i)))
      tx.put("pair", "b", text.encode(String(i)))
      tx.put("numbers", String(i).padStart(8, "0"), text.encode(`record ${i}`))
    })
    process.stdout.write(`${i}\n`)
    if (i % 5 === 0) await store.compact()
  }
} catch (error) {
  process.stdout.write(`${error.code}: ${error.message}\n`)
  process.exitCode = 1
}
