import { utf8 } from "@smpkit/codec"
import { generateKeyPair, systemRandom } from "@smpkit/crypto"
import { ramp, settle, streamPair } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { BlockSession, plainBlocks } from "../src/block-session.ts"

/** Two sessions on one stream, and how often each has erased its keys. */
function world() {
  const { client, server } = streamPair({ sessionId: ramp(1, 32), alpn: "smp/1" })
  const { privateKey } = generateKeyPair("x25519", systemRandom)
  const erased = { ours: 0, theirs: 0 }
  const session = (stream: typeof client, name: keyof typeof erased): BlockSession =>
    new BlockSession(stream, {
      version: 18,
      serverSessionPrivate: name === "theirs" ? privateKey : undefined,
      coding: { ...plainBlocks, dispose: () => (erased[name] += 1) },
    })
  return { ours: session(client, "ours"), theirs: session(server, "theirs"), erased, privateKey }
}

describe("a session's keys are erased", () => {
  test("when it is closed here", async () => {
    const { ours, erased } = world()
    await ours.close()
    expect(erased.ours).toBeGreaterThan(0)
  })

  test("when the peer has closed, after what came before was read", async () => {
    const { ours, theirs, erased, privateKey } = world()
    await ours.send(utf8("last"))
    await ours.close()
    await settle()
    expect(erased.theirs).toBe(0)
    expect(await theirs.receive()).toEqual({ type: "content", content: utf8("last") })
    expect(await theirs.receive()).toBeUndefined()
    await settle()
    expect(erased.theirs).toBeGreaterThan(0)
    expect(privateKey.use((raw) => raw.every((byte) => byte === 0))).toBe(true)
  })

  test("when the peer closes while it is being read from", async () => {
    const { ours, theirs, erased } = world()
    const received = theirs.receive()
    await ours.close()
    expect(await received).toBeUndefined()
    await settle()
    expect(erased.theirs).toBeGreaterThan(0)
  })
})
