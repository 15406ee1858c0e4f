import { type Bytes, type Codec, decode, rest, systemTime, Writer } from "@smpkit/codec"
import { type BoxKey, boxNonce, boxTagSize, openPaddedBox, sealBoxInPlace } from "@smpkit/crypto"
import { messageFlags } from "./message-flags.ts"
import { skipSpace, word } from "./tagged.ts"

// smp-commands.md, "MSG body".

/** What a recipient finds in MSG: a message, or the mark that senders were refused since. Times are the server's, in seconds. */
export type ReceivedMessage =
  | { readonly type: "message"; readonly time: number; readonly notification: boolean; readonly body: Bytes }
  | { readonly type: "quota"; readonly time: number }

const paddedLength = 16106
const quotaWord: Codec<"QUOTA"> = word("QUOTA")

const receivedMessage: Codec<ReceivedMessage> = {
  write: (w, v) => {
    if (v.type === "quota") {
      quotaWord.write(w, "QUOTA")
      w.u8(0x20)
      systemTime.write(w, v.time)
      return
    }
    systemTime.write(w, v.time)
    messageFlags.write(w, v.notification)
    w.u8(0x20)
    rest.write(w, v.body)
  },
  read: (r) => {
    const quotaTime = r.attempt((at) => {
      quotaWord.read(at)
      skipSpace(at)
      return systemTime.read(at)
    })
    if (quotaTime !== undefined) return { type: "quota", time: quotaTime }
    const time = systemTime.read(r)
    const notification = messageFlags.read(r)
    skipSpace(r)
    return { type: "message", time, notification, body: rest.read(r) }
  },
}

/** The body of MSG, 16,122 bytes whatever is in it. `key` comes from the secret of recipient and server; `msgId` is the nonce. */
export function sealMessageBody(key: BoxKey, msgId: Uint8Array, message: ReceivedMessage): Bytes {
  // Written and padded where it is sealed, so that a long body is copied once.
  const w = new Writer(boxTagSize + paddedLength)
  w.bytes(new Uint8Array(boxTagSize))
  w.u16(0)
  receivedMessage.write(w, message)
  const length = w.length - boxTagSize - 2
  if (length > paddedLength - 2) throw new RangeError(`${length} bytes do not fit ${paddedLength - 2}`)
  w.bytes(new Uint8Array(boxTagSize + paddedLength - w.length).fill(0x23))
  const box = w.take()
  box[boxTagSize] = length >> 8
  box[boxTagSize + 1] = length & 0xff
  sealBoxInPlace(key, boxNonce(msgId), box)
  return box
}

/** Opens the body of MSG. Throws `CryptoError DECRYPT`, and `WireError` for content that is no message. */
export function openMessageBody(key: BoxKey, msgId: Uint8Array, body: Uint8Array): ReceivedMessage {
  return decode(receivedMessage, openPaddedBox(key, boxNonce(msgId), body))
}
