import { type Bytes, concatBytes } from "@smpkit/codec"
import { aesGcmSeal, pad } from "@smpkit/crypto"
import { deriveChainStep } from "./chains.ts"
import { RatchetError } from "./errors.ts"
import { formatMessage, maxMessageNumber, paddedHeaderLength, sealHeader } from "./header.ts"
import { kemField } from "./kem.ts"
import type { RatchetState } from "./state.ts"

export interface Encrypted {
  /** To be stored before `message` leaves, in place of the state that was given. */
  readonly state: RatchetState
  readonly message: Bytes
  /** Whether the key of this message includes a KEM secret. */
  readonly hybrid: boolean
}

/**
 * Encrypts one message, padded to `paddedLength` (agent-protocol.md, "Padded lengths"). The message is complete: an attempt to
 * deliver it again sends the same bytes. Throws `RatchetError` NO_SENDING_CHAIN, LARGE or COUNTER.
 */
export function encrypt(state: RatchetState, plaintext: Uint8Array, paddedLength: number): Encrypted {
  const { sending, version, postQuantum } = state
  if (sending === undefined) throw new RatchetError("NO_SENDING_CHAIN", "nothing was received yet")
  if (plaintext.length > Math.min(paddedLength, 0xffff) - 2) {
    throw new RatchetError("LARGE", `${plaintext.length} bytes do not fit a message of ${paddedLength}`)
  }
  if (state.sent > maxMessageNumber) throw new RatchetError("COUNTER", "a chain without message numbers left")
  const step = deriveChainStep(sending.chainKey)
  const header = sealHeader(
    {
      maxVersion: Math.max(state.maxVersion, version),
      key: state.keyPair.publicKey,
      kem: kemField(postQuantum),
      previousSent: state.previousSent,
      number: state.sent,
    },
    {
      version,
      paddedLength: paddedHeaderLength(version, postQuantum.supported),
      key: sending.headerKey,
      iv: step.headerIv,
      ad: state.ad,
    },
  )
  const body = aesGcmSeal(
    step.messageKey,
    step.messageIv,
    concatBytes(state.ad, header),
    pad(plaintext, paddedLength),
  )
  step.messageKey.fill(0)
  return {
    state: { ...state, sending: { ...sending, chainKey: step.chainKey }, sent: state.sent + 1 },
    message: formatMessage(version, header, body),
    hybrid: postQuantum.sending,
  }
}
