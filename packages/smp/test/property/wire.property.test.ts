import { type Bytes, decode, encode, WireError } from "@smpkit/codec"
import { boxKey, equalBytes } from "@smpkit/crypto"
import {
  clientEnvelope,
  CommandError,
  encodeBatches,
  encodeBrokerMessage,
  encodeCommand,
  encodeTransmission,
  maxBatchLength,
  openClientMessage,
  openMessageBody,
  parseBatch,
  parseBrokerMessage,
  parseClientEnvelope,
  parseCommand,
  parseTransmission,
  sealClientMessage,
  sealMessageBody,
  type Transmission,
  TransmissionError,
} from "@smpkit/smp"
import { ramp } from "@smpkit/testkit"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  authKey,
  brokerMessage,
  bytes,
  command,
  damaged,
  id,
  numRuns,
  receivedMessage,
  version,
  x25519,
} from "./arbitraries.ts"

interface Wire<T> {
  readonly parse: (bytes: Bytes) => T
  readonly format: (value: T) => Bytes
  /** What parses although it is written in another way. */
  readonly tolerated?: (bytes: Bytes, value: T) => boolean
  readonly isTyped: (error: unknown) => boolean
}

/** Any input gives the typed error, or a value that is written with the same bytes; what is tolerated settles after one writing. */
function exact<T>(input: Bytes, { parse, format, tolerated, isTyped }: Wire<T>): void {
  let value: T
  try {
    value = parse(input)
  } catch (error) {
    if (!isTyped(error)) throw error
    return
  }
  const again = format(value)
  if (tolerated?.(input, value) === true) expect(format(parse(again))).toEqual(again)
  else expect(again).toEqual(input)
}

const isCommandError = (error: unknown) => error instanceof CommandError && error.error.type === "CMD"
const isWireError = (error: unknown) => error instanceof WireError
const isTransmissionError = (error: unknown) => error instanceof TransmissionError

describe("commands", () => {
  const wire = (v: number): Wire<ReturnType<typeof parseCommand>> => ({
    parse: (b) => parseCommand(v, b),
    format: (c) => encodeCommand(v, c),
    // Flags that are not known, and brackets around an IPv6 host.
    tolerated: (b, c) => (c.type === "SEND" && b[6] !== 0x20) || (c.type === "PRXY" && b.includes(0x5b)),
    isTyped: isCommandError,
  })
  test("decoding inverts encoding", () => {
    fc.assert(
      fc.property(command, (c) => {
        expect(parseCommand(18, encodeCommand(18, c))).toEqual(c)
      }),
      { numRuns },
    )
  })
  test("on every version what is left of a command stays", () => {
    fc.assert(
      fc.property(version, command, (v, c) => {
        const encoded = encodeCommand(v, c)
        expect(encodeCommand(v, parseCommand(v, encoded))).toEqual(encoded)
      }),
      { numRuns },
    )
  })
  test("any input is an error or encodes again as it was", () => {
    const input = version.chain((v) =>
      fc.tuple(fc.constant(v), damaged(command.map((c) => encodeCommand(v, c)))),
    )
    fc.assert(
      fc.property(input, ([v, b]) => {
        exact(b, wire(v))
      }),
      { numRuns: 3 * numRuns },
    )
  })
})

describe("messages", () => {
  const text = (b: Bytes) => String.fromCharCode(...b)
  const wire = (v: number): Wire<ReturnType<typeof parseBrokerMessage>> => ({
    parse: (b) => parseBrokerMessage(v, b),
    format: (m) => encodeBrokerMessage(v, m),
    // JSON in another spelling, an older word, and messages that older clients do not know.
    tolerated: (b, m) =>
      text(b).includes("NO_QUEUE") || text(b).includes("BLOCKED") || m.type === "SOK" || m.type === "DELD",
    isTyped: isWireError,
  })
  test("decoding inverts encoding", () => {
    fc.assert(
      fc.property(brokerMessage, (m) => {
        expect(parseBrokerMessage(18, encodeBrokerMessage(18, m))).toEqual(m)
      }),
      { numRuns },
    )
  })
  test("on every version what is left of a message stays", () => {
    fc.assert(
      fc.property(version, brokerMessage, (v, m) => {
        const encoded = encodeBrokerMessage(v, m)
        expect(encodeBrokerMessage(v, parseBrokerMessage(v, encoded))).toEqual(encoded)
      }),
      { numRuns },
    )
  })
  test("any input is an error or encodes again as it was", () => {
    const input = version.chain((v) =>
      fc.tuple(fc.constant(v), damaged(brokerMessage.map((m) => encodeBrokerMessage(v, m)))),
    )
    fc.assert(
      fc.property(input, ([v, b]) => {
        exact(b, wire(v))
      }),
      { numRuns: 3 * numRuns },
    )
  })
})

describe("transmissions", () => {
  const session = ramp(1, 32)
  const authorization = fc.constantFrom(0, 64, 80, 114).chain((length) => bytes(length, length))
  const transmission = version.chain((v) =>
    fc
      .record({
        authorization,
        corrId: id,
        entityId: id,
        command: bytes(300),
        signature: fc.option(bytes(64, 64)),
      })
      .map(({ signature, ...t }): readonly [number, Transmission] => [
        v,
        v >= 16 && t.authorization.length > 0 && signature !== null
          ? { ...t, serviceSignature: signature }
          : t,
      ]),
  )
  test("decoding inverts encoding", () => {
    fc.assert(
      fc.property(transmission, ([v, t]) => {
        expect(parseTransmission(v, session, encodeTransmission(v, session, t))).toEqual(t)
      }),
      { numRuns },
    )
  })
  test("any input is an error or encodes again as it was", () => {
    const input = fc.tuple(version, damaged(transmission.map(([v, t]) => encodeTransmission(v, session, t))))
    fc.assert(
      fc.property(input, ([v, b]) => {
        exact(b, {
          parse: (x) => parseTransmission(v, session, x),
          format: (t) => encodeTransmission(v, session, t),
          isTyped: isTransmissionError,
        })
      }),
      { numRuns: 3 * numRuns },
    )
  })
})

describe("batches", () => {
  const large = fc
    .tuple(fc.nat({ max: maxBatchLength - 2 }), fc.nat({ max: 255 }))
    .map(([n, c]) => new Uint8Array(n).fill(c))
  test("what was packed comes back in order, within the limits", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(bytes(40), large), { maxLength: 40 }), (items) => {
        const contents = encodeBatches(items)
        const back = contents.flatMap(parseBatch)
        expect(back.map((item) => item.length)).toEqual(items.map((item) => item.length))
        expect(back.every((item, i) => equalBytes(item, items[i] ?? ramp(0, 0)))).toBe(true)
        for (const content of contents) expect(content.length).toBeLessThanOrEqual(1 + maxBatchLength)
      }),
      { numRuns: numRuns / 4 },
    )
  })
  test("any input is an error or packs again as it was", () => {
    const valid = fc
      .array(bytes(30), { minLength: 1, maxLength: 8 })
      .map((items) => encodeBatches(items)[0] ?? ramp(0, 0))
    fc.assert(
      fc.property(damaged(valid), (b) => {
        exact(b, {
          parse: parseBatch,
          format: (items) => encodeBatches(items)[0] ?? ramp(0, 0),
          isTyped: isWireError,
        })
      }),
      { numRuns: 3 * numRuns },
    )
  })
})

describe("bodies and envelopes", () => {
  const key = boxKey(ramp(1, 32))
  const nonce = ramp(0, 24)
  test("opening inverts sealing", () => {
    fc.assert(
      fc.property(receivedMessage, id, (message, msgId) => {
        expect(openMessageBody(key, msgId, sealMessageBody(key, msgId, message))).toEqual(message)
      }),
      { numRuns: numRuns / 4 },
    )
    const header = fc.oneof(
      fc.constant({ type: "_" } as const),
      authKey.map((senderKey) => ({ type: "K", senderKey }) as const),
    )
    const senderKey = fc.option(x25519, { nil: undefined })
    fc.assert(
      fc.property(header, bytes(300), senderKey, fc.nat({ max: 65535 }), (head, payload, sender, v) => {
        const message = { header: head, payload }
        const envelope = parseClientEnvelope(
          sealClientMessage(key, { version: v, senderKey: sender, nonce }, message),
        )
        expect(envelope).toMatchObject({ version: v, senderKey: sender, nonce })
        expect(openClientMessage(key, envelope)).toEqual(message)
      }),
      { numRuns: numRuns / 4 },
    )
  })
  test("any input is an error or an envelope that encodes as it was", () => {
    const valid = fc
      .record({
        version: fc.nat({ max: 65535 }),
        senderKey: fc.option(x25519, { nil: undefined }),
        nonce: bytes(24, 24),
        encBody: bytes(100),
      })
      .map((envelope) => encode(clientEnvelope, envelope))
    fc.assert(
      fc.property(damaged(valid), (b) => {
        exact(b, {
          parse: (x) => decode(clientEnvelope, x),
          format: (envelope) => encode(clientEnvelope, envelope),
          isTyped: isWireError,
        })
      }),
      { numRuns: 3 * numRuns },
    )
  })
})
