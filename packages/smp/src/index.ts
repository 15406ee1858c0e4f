export {
  authorizationKind,
  type AuthorizationKind,
  authorize,
  type AuthKey,
  verifyAuthorization,
} from "./authorization.ts"
export { basicAuth, isBasicAuth } from "./basic-auth.ts"
export { encodeBatches, maxBatchLength, parseBatch } from "./batch.ts"
export {
  type BrokerError,
  brokerError,
  type NetworkFailure,
  transportFailure,
  type TransportFailure,
} from "./broker-error.ts"
export {
  clientEnvelope,
  type ClientEnvelope,
  type ClientMessage,
  confirmationLength,
  maxBodyLength,
  maxPayloadLength,
  messageLength,
  openClientMessage,
  parseClientEnvelope,
  type PrivateHeader,
  sealClientMessage,
} from "./client-envelope.ts"
export {
  type Command,
  encodeCommand,
  type ForwardRequest,
  type LinkCommand,
  type LinkUpdate,
  type NotifierCommand,
  parseCommand,
  type ProxyCommand,
  type QueueMessage,
  type RecipientCommand,
  type SenderCommand,
} from "./commands.ts"
export { credentialError } from "./credentials.ts"
export { CommandError, SmpError, type SmpErrorCode, TransmissionError } from "./errors.ts"
export { formatHost, isOnion, isPort, parseHost } from "./host.ts"
export { openMessageBody, type ReceivedMessage, sealMessageBody } from "./message-body.ts"
export {
  type Answer,
  type BrokerMessage,
  type DeliveredMessage,
  encodeBrokerMessage,
  entityOfMessage,
  parseBrokerMessage,
  type Reply,
  type UnverifiedProxySession,
} from "./messages.ts"
export {
  type ClientNotice,
  type CommandErrorReason,
  formatProtocolError,
  type ProtocolError,
  protocolError,
  type ProxyError,
} from "./protocol-error.ts"
export { formatQueryString, parseQueryString, type QueryString } from "./query-string.ts"
export {
  queueInfo,
  type QueueInfo,
  queueInfoOf,
  type QueueMode,
  queueUri,
  type QueueUri,
} from "./queue-address.ts"
export type { NotifierIds, QueueIds } from "./queue-ids.ts"
export type { LinkData, LinkRequest, NotifierRequest, QueueRequest } from "./queue-request.ts"
export {
  formatQueueStatus,
  parseQueueStatus,
  type QueueStatus,
  type SubscriptionState,
} from "./queue-status.ts"
export { formatQueueUri, parseQueueUri } from "./queue-uri.ts"
export {
  defaultPort,
  formatServerAddress,
  legacyServerAddress,
  maxLinkLength,
  parseServerAddress,
  portNumber,
  sameServer,
  serverAddress,
  type ServerAddress,
  type ServerAddressWithAuth,
} from "./server-address.ts"
export {
  encodeTransmission,
  parseTransmission,
  signedBytes,
  type Transmission,
  type TransmissionBody,
} from "./transmission.ts"
export { clientVersions, legacyVersions, smpVersions, type SmpVersion } from "./version.ts"

// Handshake and block encryption.
export {
  type BlockChainKey,
  blockChains,
  blockEncryptionVersion,
  type BlockKeys,
  BlockOpener,
  BlockSealer,
  blockSize,
  padBlock,
  plainContentSize,
  sealedContentSize,
  unpadBlock,
} from "./block-encryption.ts"
export {
  type CertificateChain,
  certificateChain,
  type CertifiedKey,
  certifiedKey,
  clientHello,
  type ClientHello,
  serverHello,
  type ServerHello,
  type ServiceHello,
  serviceResponse,
  type ServiceResponse,
  type ServiceRole,
  sessionKeyVersion,
} from "./handshake.ts"
export { isSignedBy, type SessionAlg, signedKey, type SignedKey, signedKeyOf, signKey } from "./signed-key.ts"
