import { inspect } from "node:util"
import { keySizes, PrivateKey } from "@smpkit/crypto"
import { expect, test } from "vitest"

test.each(["x25519", "x448", "ed25519", "ed448"] as const)(
  "inspecting a private key of %s shows no byte",
  (alg) => {
    const key = new PrivateKey(alg, new Uint8Array(keySizes[alg].privateKey).fill(0xab))
    for (const text of [JSON.stringify({ key }), inspect(key, { depth: 9, showHidden: true })])
      expect(text).not.toMatch(/ab.?ab|171/i)
  },
)
