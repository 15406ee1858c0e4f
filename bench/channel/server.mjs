// The server of the channel's measurement: the same identity by TLS, by a channel over TCP and by a channel over WebSocket. Prints ports and fingerprint.
import { createServer } from "node:http"
import {
  acceptWebSocket,
  channelServer,
  createIdentity,
  listenTcpChannel,
  listenTls,
  nodeChannelLimits,
  serverIdentity,
  systemClock,
  systemRandom,
} from "../workspace.mjs"
import { listenBare } from "./bare.mjs"
import { lastBlock } from "./wire.mjs"

const host = "127.0.0.1"
const clock = systemClock
const random = systemRandom
const made = createIdentity({ host: "localhost", now: clock.now(), random })
const identity = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
const limits = nodeChannelLimits()

/** Answers the last block of each series with a block. */
async function serve(stream) {
  for (let block = await stream.read(); block !== undefined; block = await stream.read())
    if (block[0] === lastBlock) await stream.write(block)
  await stream.close()
}
const onConnection = (stream) => void serve(stream).catch(() => undefined)

const tls = await listenTls({ identity, host, port: 0, onConnection })
const tcp = await listenTcpChannel({ identities: [identity], host, port: 0, limits, onConnection })
const http = createServer()
http.on("upgrade", (request, socket, head) => {
  acceptWebSocket(request, socket, head)
    .then((stream) => channelServer(stream, { identities: [identity], clock, random, limits }))
    .then(onConnection, () => socket.destroy())
})
const bare = await listenBare(host)
http.listen({ host, port: 0 }, () => {
  const ports = { tls: tls.port, tcp: tcp.port, webSocket: http.address().port, bare }
  process.stdout.write(
    `${JSON.stringify({ ports, keyHash: Buffer.from(identity.keyHash).toString("hex") })}\n`,
  )
})
process.once("SIGTERM", () => process.exit(0))
