export { Agent, type AgentParts, type AgentVersions, type CallOptions } from "./agent.ts"
export type { ConnectionDescription, QueueDescription } from "./connection-state.ts"
export type { AgentOptions } from "./context.ts"
export { agentEnvelope, type AgentEnvelope, paddedLengths } from "./envelopes.ts"
export { AgentError, type AgentErrorCode, type AgentErrorDetail } from "./errors.ts"
export type { AgentEvent, MessageEvent, QueueSwitch } from "./events.ts"
export type { CreatedLinks } from "./invite.ts"
export { type Integrity, integrityOf, type LastReceived } from "./integrity.ts"
export { connectionLink, type ConnectionLink, formatLink, parseLink } from "./links.ts"
export {
  agentContent,
  type AgentContent,
  agentMessage,
  type AgentMessage,
  type Receipt,
  type SenderQueue,
} from "./messages.ts"
export {
  decryptContent,
  type DecryptedContent,
  envelopeHash,
  openAgentMessage,
  type OpenedMessage,
  openQueueMessage,
  type QueueMessage,
  type ReceivingSession,
} from "./open.ts"
export type { PostQuantumSetting } from "./post-quantum/setting.ts"
export { maxMessageLength } from "./seal.ts"
export type { StoredMessage, WriteAlongside } from "./send-message.ts"
export { findOrMakeAddress, serve, type ServeHandlers } from "./serve.ts"
export {
  type Change,
  type ExportedFile,
  type ExportOptions,
  type Expectation,
  importStore,
  type ImportOptions,
  type KeyValue,
  memoryRawStore,
  type RawStore,
  SealedStore,
  type SealedStoreOptions,
  StoreError,
  type StoreErrorCode,
  type StoreTx,
  type StoreView,
} from "./store/index.ts"
export { agentVersions } from "./version.ts"
