import { bool, type Codec } from "@smpkit/codec"
import { readWord } from "./tagged.ts"

/** Whether the sender asks for a notification (encoding.md, "Message flags"); flags that are not known are skipped, never written. */
export const messageFlags: Codec<boolean> = {
  write: bool.write,
  read: (r) => {
    const notification = bool.read(r)
    readWord(r)
    return notification
  },
}
