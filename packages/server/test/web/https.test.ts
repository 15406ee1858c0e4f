import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { get } from "node:https"
import { connect as connectPlain } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect, type TLSSocket } from "node:tls"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type HttpListener, listenHttp, preparePage, type WebCertificate } from "../../src/web/index.ts"
import { page, raw } from "../support/http.ts"

let dir = ""
let certificate: WebCertificate
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-https-"))
  const [crt, key] = [join(dir, "web.crt"), join(dir, "web.key")]
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
  execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", crt], { stdio: "ignore" })
  certificate = { certificate: readFileSync(crt, "utf8"), key: readFileSync(key, "utf8") }
})
afterAll(() => rm(dir, { recursive: true }))

async function listen(
  options: { readonly maxWaiting?: number; readonly headTimeoutMs?: number } = {},
): Promise<HttpListener> {
  return await listenHttp({
    host: "127.0.0.1",
    port: 0,
    maxWaiting: 10,
    certificate,
    site: () => ({ files: preparePage(page), servers: [], secure: true }),
    onUpgrade: ({ socket, opened }) => {
      socket.on("error", () => undefined)
      opened()
    },
    ...options,
  })
}

async function dial(port: number, options: object = {}): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca: certificate.certificate,
    servername: "localhost",
    ...options,
  })
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve)
    socket.once("error", reject)
  })
  return socket
}

test("the page over TLS, with HSTS", async () => {
  await using listener = await listen()
  const headers = await new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
    get(
      {
        host: "127.0.0.1",
        port: listener.port,
        ca: certificate.certificate,
        servername: "localhost",
        agent: false,
      },
      (response) => {
        response.resume()
        resolve(response.headers)
      },
    ).once("error", reject)
  })
  expect(headers).toMatchObject({ "strict-transport-security": "max-age=31536000" })
})

test("TLS 1.2 is refused, and so is HTTP without TLS, without a byte of an answer", async () => {
  await using listener = await listen()
  await expect(dial(listener.port, { maxVersion: "TLSv1.2" })).rejects.toThrow()
  expect(await raw(listener.port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")).not.toContain("HTTP")
})

test("an open WebSocket is found again under its TLS, and does not count among those that wait", async () => {
  await using listener = await listen({ maxWaiting: 1 })
  const socket = await dial(listener.port)
  expect(listener.waiting).toBe(1)
  const lines = [
    "GET /smp HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "",
    "",
  ]
  socket.write(lines.join("\r\n"))
  await expect.poll(() => listener.waiting).toBe(0)
  const other = await dial(listener.port)
  expect(socket.destroyed).toBe(false)
  for (const each of [socket, other]) each.destroy()
})

test("whoever begins no TLS is ended in time, and counts from accepting on", async () => {
  await using listener = await listen({ headTimeoutMs: 200 })
  const silent = connectPlain(listener.port, "127.0.0.1")
  silent.on("error", () => undefined)
  const ended = new Promise((resolve) => silent.once("close", resolve))
  silent.resume()
  await expect.poll(() => listener.waiting).toBe(1)
  await ended
  await expect.poll(() => listener.waiting).toBe(0)
})
