export { Authorizer, type SessionKeys, type Verify } from "./authorize.ts"
export type { CreationPolicy } from "./commands/create.ts"
export {
  defaultConfiguration,
  formatConfiguration,
  parseConfiguration,
  type ServerConfiguration,
  type StoreKind,
  type WebConfiguration,
} from "./configuration.ts"
export { Connection } from "./connection.ts"
export type { ServerCore } from "./core.ts"
export { ServerError, type ServerErrorCode } from "./errors.ts"
export { newIdentity } from "./identity.ts"
export { defaultLimits, type Limits } from "./limits.ts"
export { createLogger, type Logger, type LogLevel, silentLogger } from "./log.ts"
export { NewQueues, type Asker } from "./new-queues.ts"
export { OutboxSpace, type OutboxPart } from "./outbox-space.ts"
export { type RunningServer, type StartOptions, startServer } from "./server.ts"
export {
  initServer,
  type InitOptions,
  isInitialized,
  type LoadedServer,
  loadServer,
  renewCertificate,
} from "./server-directory.ts"
export { Subscribers } from "./subscribers.ts"
export { type EventLoop, type TurnLengths, Turns } from "./turns.ts"
export { openDiskStore } from "./store/disk.ts"
export { MemoryStore } from "./store/memory.ts"
export type { QueueKey, QueueStore, StoreSpace } from "./store/store.ts"
