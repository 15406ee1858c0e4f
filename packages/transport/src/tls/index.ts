export { createIdentity, createLeaf, type NewIdentity } from "./certificate-writer.ts"
export { connectTls, type ConnectOptions } from "./client.ts"
export { listenTls, type ListenOptions, type TlsListener } from "./listener.ts"
export { decodePem, encodePem, type PemLabel } from "./pem.ts"
