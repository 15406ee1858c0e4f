// What the benchmark of agents uses of the packages, as it was built.

export { Agent, SealedStore } from "../../packages/agent/dist/index.js"
export { lmdbRawStore } from "../../packages/agent/dist/store/lmdb.js"
export { tlsConnector } from "../../packages/client/dist/tls/index.js"
export { systemRandom } from "../../packages/crypto/dist/index.js"
export { parseServerAddress } from "../../packages/smp/dist/index.js"
export { systemClock } from "../../packages/transport/dist/index.js"
