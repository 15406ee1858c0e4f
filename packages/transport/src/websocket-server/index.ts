export { acceptWebSocket } from "../websocket/server.ts"
