import { cpuTime } from "./cpu-time.mjs"
import {
  decrypt,
  encrypt,
  generateX3dhKeys,
  initReceivingRatchet,
  initSendingRatchet,
  ratchetParametersOf,
  ratchetReplyOf,
  systemRandom as random,
  x3dhInitiator,
  x3dhJoiner,
} from "./workspace.mjs"

const version = 3
const options = { random, now: 0 }

/** Two ratchets, both able to send; with post-quantum agreement both directions are hybrid. `length` is that of padded messages. */
function conversation(postQuantum) {
  const length = postQuantum ? 13_618 : 15_840
  const own = generateX3dhKeys(random, { postQuantum })
  const joining = generateX3dhKeys(random, { postQuantum })
  const secrets = x3dhJoiner(joining, ratchetParametersOf(version, own), { random })
  const reply = ratchetReplyOf(version, joining, secrets)
  const initiator = { version, secrets: x3dhInitiator(own, reply), keyPair: own.key2, postQuantum }
  const pair = [
    initSendingRatchet({ version, secrets, peerKey: own.key2.publicKey, random }),
    initReceivingRatchet(initiator),
  ]
  const text = random.bytes(length - 100)
  const turn = (from) => {
    const sent = encrypt(pair[from], text, length)
    if (sent.hybrid !== postQuantum) throw new Error("a message that is not what it should be")
    pair[from] = sent.state
    pair[1 - from] = decrypt(pair[1 - from], sent.message, options).state
  }
  turn(0)
  turn(1)
  return { pair, text, length, turn }
}

/** Milliseconds of CPU: a message written, one read in a chain that is known, one that begins a new chain. */
export function ratchetTimes(postQuantum, count) {
  const { pair, text, length, turn } = conversation(postQuantum)
  const messages = []
  let sender = pair[0]
  const encryptMs = cpuTime(count, () => {
    const { state, message } = encrypt(sender, text, length)
    sender = state
    messages.push(message)
  })
  let receiver = decrypt(pair[1], messages[0], options).state
  const decryptMs = cpuTime(count - 1, (i) => {
    receiver = decrypt(receiver, messages[i + 1], options).state
  })
  // A turn writes a message and reads it, which begins a chain.
  const stepMs = cpuTime(Math.ceil(count / 4), (i) => turn(i % 2)) - encryptMs
  return { encryptMs, decryptMs, stepMs }
}
