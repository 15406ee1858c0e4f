// What the benchmarks use of the packages, as it was built: `npm run bench` builds first.

export { parseServerAddress } from "../packages/smp/dist/index.js"
export { serverIdentity, systemClock } from "../packages/transport/dist/index.js"
export { channelClient, channelServer } from "../packages/transport/dist/channel/index.js"
export {
  connectTcpChannel,
  listenTcpChannel,
  nodeChannelLimits,
} from "../packages/transport/dist/tcp/index.js"
export { connectTls, createIdentity, encodePem, listenTls } from "../packages/transport/dist/tls/index.js"
export { connectWebSocket } from "../packages/transport/dist/websocket/index.js"
export { acceptWebSocket } from "../packages/transport/dist/websocket-server/index.js"
export { smpAlpn, tlsProfile } from "../packages/transport/dist/tls/profile.js"
export { SmpClient } from "../packages/client/dist/index.js"
export { tlsConnector } from "../packages/client/dist/tls/index.js"
export { runLoad } from "../packages/cli/dist/bench/load.js"
export { boxKey, encodePrivateKey, generateKeyPair, systemRandom } from "../packages/crypto/dist/index.js"
export {
  authorize,
  blockChains,
  BlockOpener,
  BlockSealer,
  openMessageBody,
  sealMessageBody,
  verifyAuthorization,
} from "../packages/smp/dist/index.js"
