export type { Site } from "./answers.ts"
export {
  type HttpListener,
  type HttpListenOptions,
  listenHttp,
  type Upgrade,
  type WebCertificate,
} from "./http-listener.ts"
export { isLoopback, type WebOptions, type WebPlace, webPlace } from "./options.ts"
export { type PageFile, type PageFiles, preparePage } from "./page.ts"
export { smpEndpoint, type SmpEndpointOptions } from "./smp-endpoint.ts"
