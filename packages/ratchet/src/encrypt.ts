import { type Bytes, concatBytes } from "@smpkit/codec"
import { aesGcmSeal, pad } from "@smpkit/crypto"
import { deriveChainStep } from "./chains.ts"
import { RatchetError } from "./errors.ts"
import { formatMessage, maxMessageNumber, paddedHeaderLength, sealHeader } from "./header.ts"
import { kemParameterOf } from "./kem-keys.ts"
import { type Hybrid, withPreference } from "./post-quantum.ts"
import { hybridOf, type RatchetState } from "./state.ts"

export interface Encrypted {
  /** To be stored before `message` leaves, in place of the state that was given. */
  readonly state: RatchetState
  readonly message: Bytes
  /** Whether the key of this message includes a KEM secret. */
  readonly hybrid: boolean
  /** Whether either direction is hybrid, as `hybridOf(state)`: encrypting does not change it. */
  readonly directions: Hybrid
}

export interface EncryptOptions {
  /**
   * Post-quantum agreement on or off from the next ratchet step on; as it was, unless given. The chain that exists stays what it is: on its way out,
   * two more messages, one each way, are hybrid.
   */
  readonly postQuantum?: boolean | undefined
}

/**
 * Encrypts one message, padded to `paddedLength` (agent-protocol.md, "Padded lengths"; `hasKemRoom` tells which of them). The message is complete:
 * an attempt to deliver it again sends the same bytes. Throws `RatchetError` NO_SENDING_CHAIN, LARGE or COUNTER.
 */
export function encrypt(
  state: RatchetState,
  plaintext: Uint8Array,
  paddedLength: number,
  options: EncryptOptions = {},
): Encrypted {
  const { sending, version } = state
  const postQuantum = withPreference(state.postQuantum, version, options.postQuantum)
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
      // All headers of a chain repeat the acceptance that it was made with, so that each one alone lets the peer begin it.
      kem: kemParameterOf(postQuantum.keys),
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
  const next: RatchetState = {
    ...state,
    sending: { ...sending, chainKey: step.chainKey },
    sent: state.sent + 1,
    postQuantum,
  }
  return {
    state: next,
    message: formatMessage(version, header, body),
    hybrid: postQuantum.sending,
    directions: hybridOf(next),
  }
}

/** Whether the header of the next message has room for a KEM, which leaves 2,222 bytes less for what the message holds. */
export function hasKemRoom(state: RatchetState, options: EncryptOptions = {}): boolean {
  return withPreference(state.postQuantum, state.version, options.postQuantum).supported
}
