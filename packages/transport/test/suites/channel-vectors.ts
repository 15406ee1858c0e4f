import { describe, expect, test } from "vitest"
import { type Bytes, concatBytes, toHex } from "@smpkit/codec"
import { aesGcmSeal, keyPairOf, loadXWing, PrivateKey, sha256, type SignAlg } from "@smpkit/crypto"
import { padBlock } from "@smpkit/smp"
import { ramp, ScriptedRandom, type Vector } from "@smpkit/testkit"
import { fingerprint, type ServerIdentity } from "@smpkit/transport"
import { ClientHandshake } from "../../src/channel/client-handshake.ts"
import { ChannelConnection, type ChannelEnd } from "../../src/channel/connection.ts"
import type { ChannelFailure } from "../../src/channel/failure.ts"
import {
  channelKeys,
  EpochKeys,
  exportKey,
  helloHash,
  transcriptHash,
} from "../../src/channel/key-schedule.ts"
import { RecordOpener, RecordSealer, recordSize } from "../../src/channel/records.ts"
import { ServerHandshake } from "../../src/channel/server-handshake.ts"

const xWing = await loadXWing()
const blockSize = 16_384
const zeroNonce = new Uint8Array(12)
const nothing = new Uint8Array(0)

/** `CODE` or `CODE detail`, as the file writes it. */
const codeOf = ({ code, detail }: ChannelFailure): string =>
  detail === undefined ? code : `${code} ${detail}`
const endCode = (end: ChannelEnd): string => (end.type === "end" ? "END" : codeOf(end.failure))

const filled = (bytes: Bytes, size: number): Bytes => concatBytes(bytes, new Uint8Array(size - bytes.length))

/** `channel.json`: every run byte for byte in both roles, every error case with its code. */
export function channelVectorSuite(vectors: Vector): void {
  const runs = new Map(
    vectors
      .at("runs")
      .items()
      .map((run) => [run.at("name").text(), run]),
  )
  const runOf = (testCase: Vector): Vector => {
    const run = runs.get(testCase.at("run").text())
    if (run === undefined) throw new Error(`${testCase.path} names no run`)
    return run
  }
  const certificate = (name: string): Bytes => vectors.at("certificates", name).bytes()

  const identityOf = (run: Vector): ServerIdentity => {
    const chain = run
      .at("server", "chain")
      .items()
      .map((name) => certificate(name.text()))
    const key = vectors.at("keys", run.at("server", "leafKey").text())
    return {
      chain,
      leafKey: keyPairOf(new PrivateKey<SignAlg>(key.at("alg").text() as SignAlg, key.at("seed").bytes())),
      keyHash: fingerprint(chain[1] ?? nothing),
    }
  }
  const range = (side: Vector): { min: number; max: number } => ({
    min: side.at("min").number(),
    max: side.at("max").number(),
  })
  const clientOf = (run: Vector, over?: Vector): ClientHandshake => {
    const own = (key: string): Vector => over?.find(key) ?? run.at("client", key)
    return new ClientHandshake({
      keyHash: own("identity").bytes(),
      versions: { min: own("min").number(), max: own("max").number() },
      now: () => own("now").number() * 1_000,
      xWing,
      random: new ScriptedRandom(
        ...["client", "sessionKey", "eseed"].map((name) => run.at("random", name).bytes()),
      ),
    })
  }
  const serverOf = (run: Vector, over?: Vector): ServerHandshake =>
    new ServerHandshake({
      identities: [identityOf(run)],
      versions: range(run.at("server")),
      xWing,
      random: new ScriptedRandom(
        ...["server", "kemSeed"].map((name) => (over?.find(name) ?? run.at("random", name)).bytes()),
      ),
    })
  const helloOf = (run: Vector): Bytes =>
    filled(run.at("hello", "used").bytes(), run.at("hello", "fillTo").number())

  /** The keys of a direction, from the start or from a number. */
  const keysOf = (run: Vector, from: string): EpochKeys =>
    new EpochKeys(run.at(`${from}Epochs`, 0, "secret").bytes())
  const contentOf = (content: Vector): Bytes => {
    const start = content.find("ramp")
    if (start !== undefined) return ramp(start.number(), blockSize)
    const padded = content.find("pad")
    return padded === undefined
      ? filled(content.at("zeroFilled").bytes(), blockSize)
      : padBlock(padded.bytes())
  }
  const sealed = (key: Bytes, number: number, content: Bytes, type: number): Bytes => {
    const nonce = new Uint8Array(12)
    new DataView(nonce.buffer).setUint32(8, number)
    return aesGcmSeal(key, nonce, nothing, concatBytes(content, Uint8Array.of(type)))
  }
  /** A record as an error case describes it, made without the sealer, which would refuse. */
  const recordOf = (run: Vector, item: Vector): Bytes => {
    const content = contentOf(item.at("content"))
    if (item.has("clear")) return concatBytes(content, new Uint8Array(17))
    const number = item.at("seq").number()
    const type = item.at("type").number()
    if (item.has("sealedWith")) {
      const record = aesGcmSeal(
        run.at("confirmKey").bytes(),
        zeroNonce,
        nothing,
        concatBytes(content, Uint8Array.of(type)),
      )
      return record
    }
    const epoch = item.find("epoch")?.number() ?? Math.floor(number / 4_096)
    const key = keysOf(run, item.at("from").text()).keyFor(epoch * 4_096)
    const record = sealed(key, number, content, type)
    const xor = item.find("xor")
    if (xor !== undefined) {
      const at = xor.at("at").number()
      record[at] = (record[at] ?? 0) ^ xor.at("with").number()
    }
    return record.subarray(0, item.find("cut")?.number())
  }

  describe("the recorded runs of the channel", () => {
    for (const [name, run] of runs) {
      test(`${name}: the handshake, byte for byte in both roles`, () => {
        const client = clientOf(run)
        const server = serverOf(run)
        expect(client.preamble).toEqual(run.at("preamble").bytes())
        expect(server.receive(client.preamble)).toEqual({ type: "admit" })
        const hello = server.hello()
        expect(toHex(sha256(hello))).toBe(run.at("hello", "sha256").text())
        expect(hello).toEqual(helloOf(run))
        const key = client.receive(hello)
        if (key.type !== "key") throw new Error(`a client that does ${key.type}`)
        expect(key.send).toEqual(run.at("keyMessage").bytes())
        expect(server.receive(key.send)).toEqual({ type: "key" })
        const opened = server.confirm()
        if (opened.type !== "open") throw new Error("a server that refuses")
        expect(opened.send).toEqual(run.at("confirm").bytes())
        const open = client.receive(opened.send)
        if (open.type !== "open") throw new Error(`a client that does ${open.type}`)
        expect(open.version).toBe(1)
        expect(open.chain).toEqual(identityOf(run).chain)
        for (const { keys } of [open, opened]) {
          expect(keys.sessionId).toEqual(run.at("sessionId").bytes())
          expect(keys.exporter).toEqual(run.at("exporter").bytes())
          expect(keys.confirmKey, "erased").toEqual(new Uint8Array(32))
          for (const from of ["client", "server"] as const)
            for (const epoch of run.at(`${from}Epochs`).items())
              expect(keys[from].keyFor(epoch.at("epoch").number() * 4_096)).toEqual(epoch.at("key").bytes())
        }
      })

      test(`${name}: the key schedule`, () => {
        const h1 = helloHash(run.at("preamble").bytes(), helloOf(run))
        expect(h1).toEqual(run.at("h1").bytes())
        const h2 = transcriptHash(h1, run.at("keyMessage").bytes())
        expect(h2).toEqual(run.at("h2").bytes())
        const sessionKey = run.at("random", "sessionKey").bytes()
        const keys = channelKeys(h2, sessionKey)
        expect(sessionKey, "erased").toEqual(new Uint8Array(32))
        expect(keys.confirmKey).toEqual(run.at("confirmKey").bytes())
        const exported = run.at("exported")
        expect(exportKey(keys.exporter, exported.at("label").text(), exported.at("length").number())).toEqual(
          exported.at("value").bytes(),
        )
      })

      test(`${name}: the records`, () => {
        for (const item of run.at("records").items()) {
          const from = item.at("from").text()
          const number = item.at("seq").number()
          const content = contentOf(item.at("content"))
          const sealer = new RecordSealer(keysOf(run, from), number)
          const isData = item.at("type").number() === 1
          const record = concatBytes(...(isData ? sealer.data(content) : sealer.close(content[0] ?? 0)))
          expect(record.length).toBe(item.at("len").number())
          expect(record.subarray(0, 64)).toEqual(item.at("head64").bytes())
          expect(record.subarray(recordSize - 16)).toEqual(item.at("tag").bytes())
          expect(toHex(sha256(record))).toBe(item.at("sha256").text())
          const opened = new RecordOpener(keysOf(run, from), number).open(record)
          expect(opened).toEqual(
            isData ? { type: "data", block: content } : { type: "close", code: content[0] },
          )
        }
      })
    }
  })

  describe("what a server does with bytes that are not as they must be", () => {
    for (const testCase of vectors.at("serverErrors").items())
      test(`${testCase.at("name").text()}: ${testCase.at("why").text()}`, () => {
        const run = runOf(testCase)
        const server = serverOf(run, testCase.find("random"))
        const sent: Bytes[] = []
        let failure: ChannelFailure | undefined
        for (const item of testCase.at("receive").items()) {
          let step = server.receive(item.bytes())
          if (step.type === "admit") {
            if (testCase.find("server")?.has("busy") === true) step = server.busy()
            else {
              sent.push(server.hello())
              step = server.receive(nothing)
            }
          }
          if (step.type === "key") {
            const result = server.confirm()
            if (result.type === "open") throw new Error("a server that accepts")
            step = result
          }
          if (step.type === "failed") {
            failure = step.failure
            if (step.send !== undefined) sent.push(step.send)
          }
        }
        if (testCase.has("eof")) failure ??= server.end()
        const expected = testCase
          .at("sends")
          .items()
          .map((item) => item.text())
        expect(sent.map((bytes) => (bytes.length === 8_192 ? "HELLO" : toHex(bytes)))).toEqual(expected)
        expect(failure && codeOf(failure)).toBe(testCase.at("code").text())
      })
  })

  describe("what a client does with bytes that are not as they must be", () => {
    for (const testCase of vectors.at("clientErrors").items())
      test(`${testCase.at("name").text()}: ${testCase.at("why").text()}`, () => {
        const client = clientOf(runOf(testCase), testCase.find("client"))
        let sendsKey = false
        let failure: ChannelFailure | undefined
        for (const item of testCase.at("receive").items()) {
          const bytes = item.at("hex").bytes()
          const step = client.receive(filled(bytes, item.find("fillTo")?.number() ?? bytes.length))
          if (step.type === "open") throw new Error("a client that accepts")
          if (step.type === "key") sendsKey = true
          if (step.type === "failed") failure = step.failure
        }
        if (testCase.has("eof")) failure ??= client.end()
        expect(failure && codeOf(failure)).toBe(testCase.at("code").text())
        expect(sendsKey).toBe(testCase.at("sendsKey").boolean())
      })
  })

  describe("what a side does with records that are not as they must be", () => {
    for (const testCase of vectors.at("recordErrors").items()) {
      const role = testCase.at("receiver").text()
      test(`${role}, ${testCase.at("name").text()}: ${testCase.at("why").text()}`, () => {
        const run = runOf(testCase)
        const connection = new ChannelConnection(
          new RecordSealer(keysOf(run, role)),
          new RecordOpener(
            keysOf(run, role === "client" ? "server" : "client"),
            testCase.at("startSeq").number(),
          ),
        )
        let blocks = 0
        let code: string | undefined
        let answer: Bytes | undefined
        for (const item of testCase.at("receive").items()) {
          if (!item.has("eof")) {
            const record = recordOf(run, item)
            expect(toHex(sha256(record)), "the record is made as the file's").toBe(item.at("sha256").text())
            connection.push(record)
          }
          for (
            let event = item.has("eof") ? connection.truncated() : connection.next();
            event !== undefined;
            event = connection.next()
          ) {
            if (event.type === "block") blocks++
            else {
              code = endCode(event.end)
              answer = event.send && concatBytes(...event.send)
            }
          }
        }
        expect(blocks).toBe(testCase.at("blocks").number())
        expect(code).toBe(testCase.at("code").text())
        expect(answer && toHex(sha256(answer))).toBe(testCase.find("answers")?.at("sha256").text())
      })
    }
  })
}
