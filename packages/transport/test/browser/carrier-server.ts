import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import type { TestProject } from "vitest/node"
import type { ByteStream } from "@smpkit/transport"
import { acceptWebSocket } from "../../src/websocket/server.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Port on 127.0.0.1 of the server below. */
    readonly carrierPort: number
  }
}

/**
 * The other end for tests in a page, which cannot listen: a WebSocket to `/end/NAME` steers what the server has accepted at `/smp/NAME`, by messages whose first byte says what to do
 * (`remote-end.ts`). `/text` and `/long` send what closes a connection, `/never` does not answer, and nothing else is a WebSocket.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ends = new Map<string, WebSocket>()
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const sockets = new Set<Duplex>()
  const server = createServer((_request, response) => response.writeHead(404).end())
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  const upgraded = (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> =>
    new Promise((resolve) => {
      webSockets.handleUpgrade(request, socket, head, resolve)
    })
  const onUpgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const [, what = "", name = ""] = (request.url ?? "").split("/")
    switch (what) {
      case "end":
        ends.set(name, await upgraded(request, socket, head))
        return
      case "smp": {
        const end = ends.get(name)
        ends.delete(name)
        if (end === undefined) socket.destroy()
        else steer(end, await acceptWebSocket(request, socket, head))
        return
      }
      case "text":
        ;(await upgraded(request, socket, head)).send("hello")
        return
      case "long": {
        const long = await upgraded(request, socket, head)
        long.send(new Uint8Array(65_536))
        long.send(new Uint8Array(65_537))
        return
      }
      case "never":
        return
      default:
        socket.end("HTTP/1.1 404 Not Found\r\n\r\n")
    }
  }
  server.on("upgrade", (request, socket, head) => void onUpgrade(request, socket, head))
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve))
  project.provide("carrierPort", (server.address() as AddressInfo).port)
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve()
      })
      for (const socket of sockets) socket.destroy()
    })
}

/** Does with a stream what the page asks for, and tells it what comes of it. */
function steer(end: WebSocket, stream: ByteStream): void {
  const tell = (what: string, bytes: Uint8Array = new Uint8Array()): void => {
    end.send(Buffer.concat([Buffer.from(what), bytes]))
  }
  const calls: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Promise<void>>> = {
    r: async () => {
      const bytes = await stream.read()
      if (bytes === undefined) tell("z")
      else tell("r", bytes)
    },
    w: (bytes) =>
      stream.write(bytes).then(
        () => {
          tell("w")
        },
        () => {
          tell("x")
        },
      ),
    e: async () => {
      await stream.end()
      tell("e")
    },
    d: () => {
      stream.destroy()
      return Promise.resolve()
    },
  }
  end.on("message", (data: Buffer) => {
    void calls[String.fromCharCode(data[0] ?? 0)]?.(new Uint8Array(data.subarray(1)))
  })
  end.once("close", () => {
    stream.destroy()
  })
  void stream.closed.then((reason) => {
    tell("c", Buffer.from(JSON.stringify(reason)))
  })
  tell("o")
}
