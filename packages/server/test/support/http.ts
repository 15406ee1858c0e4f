import { createServer, type IncomingHttpHeaders, request as startRequest } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { utf8 } from "@smpkit/codec"
import type { PageFiles } from "../../src/web/index.ts"

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** One request on a connection of its own; the path goes out as it is given. */
export async function ask(
  port: number,
  path: string,
  { method = "GET", headers = {} }: Ask = {},
): Promise<Got> {
  return await new Promise((resolve, reject) => {
    const request = startRequest(
      { host: "127.0.0.1", port, path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.once("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          })
        })
      },
    )
    request.once("error", reject)
    request.end()
  })
}

/** Writes bytes as they are, and resolves to what comes until the other side ends. */
export async function raw(port: number, text: string): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    let received = ""
    socket.setEncoding("latin1")
    socket.on("data", (chunk: string) => (received += chunk))
    socket.on("error", () => undefined)
    socket.once("close", () => {
      resolve(received)
    })
    socket.write(text, "latin1")
  })
}

/** A page of three files. */
export const page: PageFiles = new Map([
  ["index.html", utf8("<!doctype html><script type=module src=./assets/main-0123abcd.js></script>")],
  ["assets/main-0123abcd.js", utf8(`// ${"the page ".repeat(400)}\n`)],
  ["icon.svg", utf8("<svg xmlns='http://www.w3.org/2000/svg'/>")],
])

/** A reverse proxy that serves a port under a prefix, as `location /chat/ { proxy_pass http://127.0.0.1:PORT/; }` does; `keep` leaves the prefix there. */
export async function prefixProxy(
  port: number,
  { prefix = "/chat/", keep = false }: { readonly prefix?: string; readonly keep?: boolean } = {},
): Promise<{ readonly port: number; close(): void }> {
  const below = (url = ""): string => (keep ? url : `/${url.slice(prefix.length)}`)
  const sockets = new Set<Socket>()
  const proxy = createServer((request, response) => {
    if (request.url?.startsWith(prefix) !== true) {
      response.writeHead(404).end()
      return
    }
    const forwarded = startRequest(
      {
        host: "127.0.0.1",
        port,
        path: below(request.url),
        method: request.method ?? "GET",
        headers: request.headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    request.pipe(forwarded)
  })
  proxy.on("connection", (socket) => sockets.add(socket))
  proxy.on("upgrade", (request, socket: Socket, head) => {
    const upstream = connect(port, "127.0.0.1", () => {
      const lines = Array.from({ length: request.rawHeaders.length / 2 }, (_, i) =>
        request.rawHeaders.slice(2 * i, 2 * i + 2).join(": "),
      )
      upstream.write(`GET ${below(request.url)} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`)
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    sockets.add(upstream)
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on("error", () => undefined)
      one.once("close", () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
  return {
    port: (proxy.address() as AddressInfo).port,
    close: () => {
      proxy.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
