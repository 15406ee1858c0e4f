export type { Site } from "./answers.ts"
export {
  type HttpListener,
  type HttpListenOptions,
  listenHttp,
  type Upgrade,
  type WebCertificate,
} from "./http-listener.ts"
export { type PageFile, type PageFiles, preparePage } from "./page.ts"
