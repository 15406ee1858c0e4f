export type { Success } from "./answers.ts"
export type { Connector } from "./connector.ts"
export { ClientError, type ClientErrorCode, type ClientErrorDetail, isTemporary } from "./errors.ts"
export type { KeepAliveOptions } from "./keep-alive.ts"
export type { PoolEvent, ServerRole } from "./pool-slot.ts"
export {
  fastRetry,
  nextRetry,
  reconnectRetry,
  type RetrySchedule,
  type RetryState,
  slowRetry,
  withJitter,
} from "./retry.ts"
export type { ServerEvent, ServerMessage } from "./server-event.ts"
export { ServerPool } from "./server-pool.ts"
export type { ClientDependencies, ClientOptions, RequestOptions } from "./client-options.ts"
export { SmpClient } from "./smp-client.ts"
