import type { Bytes } from "@smpkit/codec"
import { type Alg, generateKeyPair, type PublicKey } from "@smpkit/crypto"
import type {
  BrokerError,
  BrokerMessage,
  Command,
  ProtocolError,
  QueueMode,
  ReceivedMessage,
  ServerAddressWithAuth,
} from "@smpkit/smp"
import { seededRandom } from "@smpkit/testkit"
import fc from "fast-check"

export const numRuns: number = process.env["SLOW"] === "1" ? 3_000 : 200

/** Byte strings up to a length. */
export const bytes = (maxLength: number, minLength = 0): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ maxLength, minLength }).map((b) => new Uint8Array(b))
export const id: fc.Arbitrary<Bytes> = fc.oneof(bytes(24, 24), bytes(255))

const random = seededRandom("smp properties")
function keysOf<A extends Alg>(...algs: readonly A[]): fc.Arbitrary<PublicKey<A>> {
  return fc.constantFrom(...algs.flatMap((alg) => [1, 2].map(() => generateKeyPair(alg, random).publicKey)))
}
export const x25519: fc.Arbitrary<PublicKey<"x25519">> = keysOf("x25519")
export const authKey: fc.Arbitrary<PublicKey<"ed25519" | "ed448" | "x25519">> = keysOf(
  "ed25519",
  "ed448",
  "x25519",
)

export const version: fc.Arbitrary<number> = fc.integer({ min: 6, max: 18 })
export const mode: fc.Arbitrary<QueueMode | undefined> = fc.constantFrom("messaging", "contact", undefined)

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
const name = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join("."))
  .filter((host) => !/(?:^|\.)\d+$/.test(host))
const onion = fc.stringMatching(/^[a-z2-7]{56}$/).map((key) => `${key}.onion`)
export const host: fc.Arbitrary<string> = fc.oneof(
  name,
  onion,
  fc.ipV4(),
  fc.constantFrom("::1", "fe80::1", "1:2:3:4:5:6:7:8"),
)
const port: fc.Arbitrary<string> = fc.oneof(fc.constant(""), fc.integer({ min: 1, max: 65535 }).map(String))
const password = fc.stringMatching(/^[!-.0-9;-?A-~]{1,20}$/)
const hosts = fc
  .tuple(host, fc.array(host, { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest] as const)

export const server: fc.Arbitrary<ServerAddressWithAuth> = fc.record({ hosts, port, keyHash: bytes(32, 32) })
export const serverWithAuth: fc.Arbitrary<ServerAddressWithAuth> = fc.record(
  { hosts, port, keyHash: bytes(32, 32), basicAuth: password },
  { requiredKeys: ["hosts", "port", "keyHash"] },
)

const basicAuth = fc.option(password, { nil: undefined })
const linkFields = { fixed: bytes(300), user: bytes(300) }
const notifier = fc.record({ authKey, dhKey: x25519 })

const newCommand: fc.Arbitrary<Command> = mode.chain((queueMode) => {
  const linkId = queueMode === "contact" ? id : fc.constant(undefined)
  const linkData = fc.option(fc.record({ linkId, senderId: id, ...linkFields }), { nil: undefined })
  return fc.record({
    type: fc.constant("NEW" as const),
    authKey,
    dhKey: x25519,
    basicAuth,
    subscribe: fc.boolean(),
    queueMode: fc.constant(queueMode),
    linkData: queueMode === undefined ? fc.constant(undefined) : linkData,
    notifier: fc.option(notifier, { nil: undefined }),
  })
})

const tag = <T extends string>(...types: readonly [T, ...T[]]): fc.Arbitrary<T> => fc.constantFrom(...types)

/** Any command. */
export const command: fc.Arbitrary<Command> = fc.oneof<fc.Arbitrary<Command>[]>(
  newCommand,
  fc.record({ type: tag("SUB", "GET", "OFF", "DEL", "QUE", "LDEL", "NDEL", "SUBS") }),
  fc.record({ type: tag("LGET") }),
  fc.record({ type: tag("NSUB", "NSUBS") }),
  fc.record({ type: tag("PING") }),
  fc.record({ type: tag("KEY"), senderKey: authKey }),
  fc.record({ type: tag("SKEY"), senderKey: authKey }),
  fc.record({ type: tag("LKEY"), senderKey: authKey }),
  fc.record({
    type: tag("RKEY"),
    recipientKeys: fc
      .tuple(authKey, fc.array(authKey, { maxLength: 4 }))
      .map(([first, rest]) => [first, ...rest] as const),
  }),
  fc.record({ type: tag("LSET"), linkId: id, ...linkFields }),
  fc.record({ type: tag("NKEY"), authKey, dhKey: x25519 }),
  fc.record({ type: tag("ACK"), msgId: id }),
  fc.record({ type: tag("SEND"), notification: fc.boolean(), body: bytes(400) }),
  fc.record({ type: tag("PRXY"), server, basicAuth }),
  fc.record({
    type: tag("PFWD"),
    version: fc.integer({ min: 0, max: 65535 }),
    commandKey: x25519,
    sealed: bytes(400),
  }),
  fc.record({ type: tag("RFWD"), sealed: bytes(400) }),
)

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
  maxLength: 255,
})
const networkFailure = fc.oneof(
  fc.record({ type: tag("CONNECT", "TLS", "SUBSCRIBE"), text: latin1 }),
  fc.record({ type: tag("UNKNOWNCA", "FAILED", "TIMEOUT") }),
)
const transportFailure = fc.oneof(
  fc.record({ type: tag("BLOCK", "VERSION", "LARGE_MSG", "SESSION", "NO_AUTH") }),
  fc.record({ type: tag("HANDSHAKE"), reason: tag("PARSE", "IDENTITY", "BAD_AUTH", "BAD_SERVICE") }),
)
const brokerError: fc.Arbitrary<BrokerError> = fc.oneof<fc.Arbitrary<BrokerError>[]>(
  fc.record({ type: tag("RESPONSE", "UNEXPECTED"), text: latin1 }),
  fc.record({ type: tag("NETWORK"), failure: networkFailure }, { requiredKeys: ["type"] }),
  fc.record({ type: tag("HOST", "NO_SERVICE", "TIMEOUT") }),
  fc.record({ type: tag("TRANSPORT"), failure: transportFailure }),
)
const plainError: fc.Arbitrary<ProtocolError> = fc.oneof<fc.Arbitrary<ProtocolError>[]>(
  fc.record({
    type: tag(
      "BLOCK",
      "SESSION",
      "AUTH",
      "SERVICE",
      "CRYPTO",
      "QUOTA",
      "NO_MSG",
      "LARGE_MSG",
      "EXPIRED",
      "INTERNAL",
      "DUPLICATE_",
    ),
  }),
  fc.record({
    type: tag("CMD"),
    reason: tag("UNKNOWN", "SYNTAX", "PROHIBITED", "NO_AUTH", "HAS_AUTH", "NO_ENTITY"),
  }),
  fc.record(
    {
      type: tag("BLOCKED"),
      reason: tag("spam", "content"),
      notice: fc.record({ ttl: fc.maxSafeNat() }, { requiredKeys: [] }),
    },
    { requiredKeys: ["type", "reason"] },
  ),
  fc.record({ type: tag("STORE"), text: fc.string({ unit: "binary" }) }),
  fc.record({ type: tag("PROXY"), error: fc.record({ type: tag("BASIC_AUTH", "NO_SESSION") }) }),
  fc.record({ type: tag("PROXY"), error: fc.record({ type: tag("BROKER"), error: brokerError }) }),
)
/** Any error, nested at most twice. */
const protocolError: fc.Arbitrary<ProtocolError> = [1, 2].reduce<fc.Arbitrary<ProtocolError>>(
  (inner) =>
    fc.oneof(
      plainError,
      fc.record({ type: tag("PROXY"), error: fc.record({ type: tag("PROTOCOL"), error: inner }) }),
    ),
  plainError,
)

const optionalId = fc.option(id, { nil: undefined })
const notifierIds = { notifierId: id, serverDhKey: x25519 }

/** Any message of a server. */
export const brokerMessage: fc.Arbitrary<BrokerMessage> = fc.oneof<fc.Arbitrary<BrokerMessage>[]>(
  fc.record({
    type: tag("IDS"),
    recipientId: id,
    senderId: id,
    serverDhKey: x25519,
    queueMode: mode,
    linkId: optionalId,
    serviceId: optionalId,
    notifier: fc.option(fc.record(notifierIds), { nil: undefined }),
  }),
  fc.record({ type: tag("LNK"), senderId: id, ...linkFields }),
  fc.record({ type: tag("SOK"), serviceId: optionalId }),
  fc.record({ type: tag("SOKS", "ENDS"), count: fc.maxSafeInteger() }),
  fc.record({ type: tag("MSG"), msgId: id, body: bytes(400) }),
  fc.record({ type: tag("NID"), ...notifierIds }),
  fc.record({ type: tag("NMSG"), nonce: bytes(24, 24), meta: bytes(255) }),
  fc.record({
    type: tag("PKEY"),
    sessionId: id,
    versions: fc.tuple(version, version).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) })),
    certificates: fc
      .tuple(bytes(300), fc.array(bytes(300), { maxLength: 2 }))
      .map(([first, rest]) => [first, ...rest] as const),
    signedKey: bytes(200),
  }),
  fc.record({ type: tag("RRES", "PRES"), sealed: bytes(400) }),
  fc.record({ type: tag("END", "DELD", "OK", "PONG") }),
  fc.record({ type: tag("INFO"), json: fc.string({ unit: "binary" }) }),
  fc.record({ type: tag("ERR"), error: protocolError }),
)

/** Any content of MSG. */
export const receivedMessage: fc.Arbitrary<ReceivedMessage> = fc.oneof<fc.Arbitrary<ReceivedMessage>[]>(
  fc.record({ type: tag("message"), time: fc.nat(), notification: fc.boolean(), body: bytes(400) }),
  fc.record({ type: tag("quota"), time: fc.nat() }),
)

/** Valid bytes that were flipped, cut or appended to, and bytes without a plan. */
export function damaged(valid: fc.Arbitrary<Bytes>): fc.Arbitrary<Bytes> {
  const flipped = fc.tuple(valid, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([b, at, by]) => {
    const copy = new Uint8Array(b)
    if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ by
    return copy
  })
  const cut = fc.tuple(valid, fc.nat()).map(([b, at]) => b.slice(0, at % (b.length + 1)))
  const appended = fc.tuple(valid, bytes(4, 1)).map(([b, more]) => {
    const out = new Uint8Array(b.length + more.length)
    out.set(b)
    out.set(more, b.length)
    return out
  })
  const inserted = fc.tuple(valid, fc.nat(), fc.nat({ max: 255 })).map(([b, at, byte]) => {
    const place = at % (b.length + 1)
    return Uint8Array.from([...b.subarray(0, place), byte, ...b.subarray(place)])
  })
  return fc.oneof(flipped, cut, appended, inserted, bytes(100))
}
