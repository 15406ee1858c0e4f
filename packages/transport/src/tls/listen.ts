import type { AddressInfo, Server } from "node:net"
import type { TransportError } from "../errors.ts"
import { asTransportError } from "./sentences.ts"

/** Connections that the system keeps until they are accepted. */
const backlog = 1_024

/** Begins to listen; the port that the system gave for 0. Later errors of accepting go to `onError`. Throws `TransportError NETWORK`. */
export async function listenOn(
  server: Server,
  {
    host,
    port,
    onError,
  }: { readonly host: string; readonly port: number; readonly onError: (error: TransportError) => void },
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(asTransportError(error, `cannot listen on ${host} port ${port}`))
    })
    server.listen({ host, port, backlog }, resolve)
  })
  server.on("error", (error) => {
    onError(asTransportError(error, "cannot accept a connection"))
  })
  return (server.address() as AddressInfo).port
}
