// The server of the raw TLS measurement: the profile of SMP, no SMP. Prints its port and the certificate to trust.
import { createServer } from "node:tls"
import {
  createIdentity,
  encodePem,
  encodePrivateKey,
  smpAlpn,
  systemClock,
  systemRandom,
  tlsProfile,
} from "../workspace.mjs"
import { block, kind, readBlocks } from "./tls-wire.mjs"

const identity = createIdentity({ host: "localhost", now: systemClock.now(), random: systemRandom })
const ca = encodePem("CERTIFICATE", identity.caCertificate)
const receivers = new Map()
const server = createServer(
  {
    ...tlsProfile,
    key: encodePem("PRIVATE KEY", encodePrivateKey(identity.leafKey.privateKey)),
    cert: encodePem("CERTIFICATE", identity.leafCertificate) + ca,
    ALPNProtocols: [smpAlpn],
    noDelay: true,
  },
  (socket) => {
    const ok = block(kind.ok, 0)
    const message = block(kind.message, 0)
    readBlocks(socket, (type, pair) => {
      if (type === kind.receiver) receivers.set(pair, socket)
      if (type === kind.send || type === kind.ack) socket.write(ok)
      if (type === kind.send || type === kind.forward) receivers.get(pair)?.write(message)
    })
    socket.on("error", () => socket.destroy())
  },
)
server.listen({ host: "127.0.0.1", port: 0 }, () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port, ca })}\n`)
})
process.once("SIGTERM", () => process.exit(0))
