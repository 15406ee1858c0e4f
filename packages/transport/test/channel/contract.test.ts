import { goodChains, identityOf } from "../chains.ts"
import { transportSuite } from "../transport-suite.ts"
import { dialTcp, dialWebSocket, listeningTcp, listeningWebSocket } from "./helpers.ts"

const identity = identityOf(goodChains["two, Ed25519"])

transportSuite(
  "a channel over TCP",
  async () => {
    const listening = await listeningTcp([identity])
    const client = await dialTcp(listening.port, identity)
    const server = await listening.next()
    return { client, server, identity, dispose: async () => listening[Symbol.asyncDispose]() }
  },
  { overChannel: true },
)

transportSuite(
  "a channel over WebSocket",
  async () => {
    const listening = await listeningWebSocket([identity])
    const client = await dialWebSocket(listening.port, identity)
    const server = await listening.next()
    return { client, server, identity, dispose: async () => listening[Symbol.asyncDispose]() }
  },
  { overChannel: true },
)
