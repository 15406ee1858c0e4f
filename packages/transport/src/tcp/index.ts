export {
  connectTcp,
  connectTcpChannel,
  type ConnectTcpChannelOptions,
  type ConnectTcpOptions,
  type TcpPlace,
} from "./client.ts"
export { listenTcpChannel, type ListenTcpChannelOptions, type TcpChannelListener } from "./listener.ts"
export { nodeChannelLimits } from "./node-limits.ts"
