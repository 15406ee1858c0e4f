import { type Bytes, concatBytes, toHex, utf8 } from "@smpkit/codec"
import { keyPairOf, PrivateKey, type Random, sha256, sign } from "@smpkit/crypto"
import { encodeTransmission, signedBytes } from "@smpkit/smp"
import { FakeClock, hex, ramp, seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { exchange, LooseSession, serve, testCore } from "./support/below-transport.ts"

// The fixtures of encoding.md, "Fixtures and worked examples", and the bytes of smp-commands.md, "Worked examples".
const spki25519 = hex("302a300506032b6570032100")
const spkiX25519 = hex("302a300506032b656e032100")
const rk = keyPairOf(new PrivateKey("ed25519", ramp(0x00, 32)))
const rkDer = concatBytes(spki25519, rk.publicKey.raw)
const rdhDer = concatBytes(
  spkiX25519,
  hex("79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a"),
)
const srvDhDer = concatBytes(
  spkiX25519,
  hex("675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f"),
)
const sessionId = ramp(0x01, 32)
const corrId = ramp(0x30, 24)
const recipientId = ramp(0x50, 24)
const senderId = ramp(0x70, 24)
const msgId = ramp(0x90, 24)
const empty = hex("")
const str8 = (bytes: Bytes): Bytes => concatBytes(Uint8Array.of(bytes.length), bytes)

const newStart = concatBytes(utf8("NEW "), str8(rkDer), str8(rdhDer))
const idsStart = concatBytes(utf8("IDS "), str8(recipientId), str8(senderId), str8(srvDhDer))

// What follows the keys in NEW (create and subscribe, messaging) and in IDS, and the answers to SUB and to DEL elsewhere.
const versions: readonly (readonly [number, string, string, string, string])[] = [
  [6, "53", "", "OK", "END"],
  [7, "53", "", "OK", "END"],
  [8, "53", "", "OK", "END"],
  [9, "30 53 54", "54", "OK", "END"],
  [11, "30 53 54", "54", "OK", "DELD"],
  [12, "30 53 54", "54", "OK", "DELD"],
  [15, "30 53 31 4d30", "31 4d 30", "OK", "DELD"],
  [16, "30 53 31 4d30", "31 4d 30 30", "SOK 0", "DELD"],
  [18, "30 53 31 4d30 30", "31 4d 30 30 30", "SOK 0", "DELD"],
]

describe.each(versions)("version %i, byte for byte", (version, newTail, idsTail, subAnswer, deleted) => {
  test("NEW, SUB, SEND, MSG, ACK, DEL", async () => {
    const laid = [recipientId, senderId, ramp(0x60, 32), msgId]
    const other = seededRandom("wire")
    const random: Random = { bytes: (length) => laid.shift() ?? other.bytes(length) }
    const core = testCore({ random: other, clock: new FakeClock(1_641_032_645_000), core: { random } })
    const open = (id: Bytes): LooseSession => {
      const session = new LooseSession(version, id, new PrivateKey("x25519", ramp(0x80, 32)))
      serve(core, session)
      return session
    }
    const session = open(sessionId)
    const item = (on: Bytes, entityId: Bytes, command: Bytes, authorized = true): Bytes => {
      const body = { corrId, entityId, command }
      const authorization = authorized ? sign(rk, signedBytes(on, body)) : empty
      return encodeTransmission(version, on, { authorization, ...body })
    }
    const said = async (to: LooseSession, bytes: Bytes): Promise<readonly string[]> =>
      (await exchange(to, bytes)).map((t) => `${toHex(t.corrId)}/${toHex(t.entityId)}/${toHex(t.command)}`)
    const line = (corr: Bytes, entity: Bytes, command: Bytes): string =>
      `${toHex(corr)}/${toHex(entity)}/${toHex(command)}`

    expect(await said(session, item(sessionId, empty, concatBytes(newStart, hex(newTail))))).toEqual([
      line(corrId, empty, concatBytes(idsStart, hex(idsTail))),
    ])

    const sub = item(sessionId, recipientId, utf8("SUB"))
    if (version === 18)
      expect(toHex(sub)).toContain("c134b2eef7beb32600984ac76f7a21ac9da33d1d1e956b72ef85dc520e2bb49f")
    expect(await said(session, sub)).toEqual([line(corrId, recipientId, utf8(subAnswer))])

    const answers = await exchange(session, item(sessionId, senderId, utf8("SEND T hello"), false))
    const [pushed, ok] = [...answers].sort((a, b) => a.corrId.length - b.corrId.length)
    expect(ok && line(ok.corrId, ok.entityId, ok.command)).toBe(line(corrId, senderId, utf8("OK")))
    const message = pushed?.command ?? empty
    expect(toHex(pushed?.corrId ?? corrId)).toBe("")
    expect(toHex(message.slice(0, 29))).toBe(toHex(concatBytes(utf8("MSG "), str8(msgId))))
    expect(message).toHaveLength(16_151)
    expect(toHex(sha256(message.slice(29)))).toBe(
      "79a7d09505db12f035dce2da2575a81e4a62099aa95967839d9713becbd039eb",
    )

    const ack = concatBytes(utf8("ACK "), str8(msgId))
    expect(await said(session, item(sessionId, recipientId, ack))).toEqual([
      line(corrId, recipientId, utf8("OK")),
    ])
    expect(await said(session, item(sessionId, recipientId, ack))).toEqual([
      line(corrId, recipientId, utf8("ERR NO_MSG")),
    ])

    const elsewhere = ramp(0xd0, 32)
    const second = open(elsewhere)
    expect(await said(second, item(elsewhere, recipientId, utf8("DEL")))).toEqual([
      line(corrId, recipientId, utf8("OK")),
    ])
    expect(session.take().map((t) => line(t.corrId, t.entityId, t.command))).toEqual([
      line(empty, recipientId, utf8(deleted)),
    ])
  })
})
