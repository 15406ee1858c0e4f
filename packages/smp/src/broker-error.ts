import { type Codec, latin1, mapped, struct } from "@smpkit/codec"
import { noParameters, skipSpace, tagged, word } from "./tagged.ts"

/** What went wrong below SMP between proxy and relay (smp-commands.md, "Errors"). */
export type NetworkFailure =
  | { readonly type: "CONNECT" | "TLS" | "SUBSCRIBE"; readonly text: string }
  | { readonly type: "UNKNOWNCA" | "FAILED" | "TIMEOUT" }

/** smp-transport.md, "Transport errors". */
export type TransportFailure =
  | { readonly type: "BLOCK" | "VERSION" | "LARGE_MSG" | "SESSION" | "NO_AUTH" }
  | { readonly type: "HANDSHAKE"; readonly reason: "PARSE" | "IDENTITY" | "BAD_AUTH" | "BAD_SERVICE" }

/** Why a proxy got no answer of a relay. */
export type BrokerError =
  | { readonly type: "RESPONSE" | "UNEXPECTED"; readonly text: string }
  | { readonly type: "NETWORK"; readonly failure?: NetworkFailure }
  | { readonly type: "HOST" | "NO_SERVICE" | "TIMEOUT" }
  | { readonly type: "TRANSPORT"; readonly failure: TransportFailure }

// The one text in SMP that may outgrow its length byte (encoding.md, "Binary primitives"): cut, not refused.
const cutText: Codec<string> = mapped(
  latin1,
  (v) => v,
  (v) => v.slice(0, 255),
)
const textOnly: Codec<{ readonly text: string }> = struct({ text: cutText })

const networkFailure: Codec<NetworkFailure> = tagged({
  CONNECT: textOnly,
  TLS: textOnly,
  SUBSCRIBE: textOnly,
  UNKNOWNCA: noParameters,
  FAILED: noParameters,
  TIMEOUT: noParameters,
})

/** Text form of a transport error, also in the error hello of the handshake. */
export const transportFailure: Codec<TransportFailure> = tagged({
  BLOCK: noParameters,
  VERSION: noParameters,
  LARGE_MSG: noParameters,
  SESSION: noParameters,
  NO_AUTH: noParameters,
  HANDSHAKE: struct({ reason: word("PARSE", "IDENTITY", "BAD_AUTH", "BAD_SERVICE") }),
})

const otherError: Codec<Exclude<BrokerError, { readonly type: "NETWORK" }>> = tagged({
  RESPONSE: textOnly,
  UNEXPECTED: textOnly,
  HOST: noParameters,
  NO_SERVICE: noParameters,
  TIMEOUT: noParameters,
  TRANSPORT: struct({ failure: transportFailure }),
})
const networkWord: Codec<"NETWORK"> = word("NETWORK")

/** `NETWORK` comes bare or with a reason. */
export const brokerError: Codec<BrokerError> = {
  write: (w, v) => {
    if (v.type !== "NETWORK") {
      otherError.write(w, v)
      return
    }
    networkWord.write(w, v.type)
    if (v.failure !== undefined) {
      w.u8(0x20)
      networkFailure.write(w, v.failure)
    }
  },
  read: (r) => {
    if (r.attempt((at) => networkWord.read(at)) === undefined) return otherError.read(r)
    if (r.left === 0) return { type: "NETWORK" }
    skipSpace(r)
    return { type: "NETWORK", failure: networkFailure.read(r) }
  },
}

/** The error in the words of the protocol, without the texts in it. */
export function formatBrokerError(error: BrokerError): string {
  if (error.type === "NETWORK" && error.failure !== undefined) return `NETWORK ${error.failure.type}`
  if (error.type !== "TRANSPORT") return error.type
  const { failure } = error
  return failure.type === "HANDSHAKE" ? `TRANSPORT HANDSHAKE ${failure.reason}` : `TRANSPORT ${failure.type}`
}
