import {
  authorize,
  blockChains,
  BlockOpener,
  BlockSealer,
  boxKey,
  generateKeyPair,
  sealMessageBody,
  systemRandom,
  verifyAuthorization,
} from "../workspace.mjs"

/**
 * What a server cannot do without for one message, and nothing around it: SEND and ACK opened, verified and answered, MSG sealed twice,
 * once for its queue and once as a block. Five blocks, as when none is shared. Returns milliseconds of CPU a message.
 */
export function rawCrypto(messages, bodySize) {
  const session = generateKeyPair("x25519", systemRandom)
  const senderKey = generateKeyPair("x25519", systemRandom)
  const recipientKey = generateKeyPair("ed25519", systemRandom)
  const corrId = systemRandom.bytes(24)
  const sendBytes = systemRandom.bytes(bodySize + 100)
  const ackBytes = systemRandom.bytes(120)
  const authenticator = authorize(senderKey, session.publicKey, corrId, sendBytes)
  const signature = authorize(recipientKey, session.publicKey, corrId, ackBytes)
  const { serverToClient, clientToServer } = blockChains(systemRandom.bytes(32), systemRandom.bytes(32))
  const client = new BlockSealer(clientToServer)
  const server = new BlockSealer(serverToClient)
  const opener = new BlockOpener(clientToServer)
  const incoming = Array.from({ length: 2 * messages }, (_, i) => client.seal(i % 2 ? ackBytes : sendBytes))
  const queueKey = boxKey(systemRandom.bytes(32))
  const body = systemRandom.bytes(bodySize)
  const before = process.cpuUsage()
  for (let i = 0; i < messages; i++) {
    opener.open(incoming[2 * i])
    if (!verifyAuthorization(senderKey.publicKey, authenticator, session.privateKey, corrId, sendBytes))
      throw new Error("an authenticator that does not verify")
    server.seal(corrId)
    server.seal(sealMessageBody(queueKey, corrId, { type: "message", time: 0, notification: false, body }))
    opener.open(incoming[2 * i + 1])
    if (!verifyAuthorization(recipientKey.publicKey, signature, session.privateKey, corrId, ackBytes))
      throw new Error("a signature that does not verify")
    server.seal(corrId)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / messages
}
