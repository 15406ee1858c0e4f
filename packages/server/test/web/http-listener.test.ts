import { connect, type Socket } from "node:net"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { FakeClock } from "@smpkit/testkit"
import { afterEach, describe, expect, test } from "vitest"
import {
  type HttpListener,
  type HttpListenOptions,
  listenHttp,
  preparePage,
  type Site,
} from "../../src/web/index.ts"
import { ask, page, prefixProxy, raw } from "../support/http.ts"

const opened: HttpListener[] = []
afterEach(async () => {
  for (const listener of opened.splice(0)) await listener.close()
})

async function listen(
  site: Partial<Site> = {},
  options: Partial<HttpListenOptions> = {},
): Promise<HttpListener> {
  const listener = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    maxWaiting: 100,
    onUpgrade: ({ socket }) => {
      socket.end("upgraded")
    },
    site: () => ({ files: preparePage(page), servers: ["smp://one@host:1"], secure: false, ...site }),
    ...options,
  })
  opened.push(listener)
  return listener
}

const upgrade = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

describe("the page", () => {
  test("is at the root, asks again each time, and is not sent twice", async () => {
    const { port } = await listen()
    const got = await ask(port, "/")
    expect(got.status).toBe(200)
    expect(got.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "content-length": String(page.get("index.html")?.length),
    })
    expect(new Uint8Array(got.body)).toEqual(page.get("index.html"))
    const etag = got.headers.etag ?? ""
    const again = await ask(port, "/", { headers: { "If-None-Match": `"other", W/${etag}` } })
    expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) })
    expect(again.headers["content-security-policy"]).toBe(got.headers["content-security-policy"])
    expect((await ask(port, "/", { headers: { "If-None-Match": '"other"' } })).status).toBe(200)
    expect((await ask(port, "/?a=b")).body).toEqual(got.body)
  })

  test("has files whose names change with them: kept for ever; others are not", async () => {
    const { port } = await listen()
    expect((await ask(port, "/assets/main-0123abcd.js")).headers["cache-control"]).toBe(
      "public, max-age=31536000, immutable",
    )
    expect((await ask(port, "/icon.svg")).headers["cache-control"]).toBe("no-cache")
  })

  test.each([
    ["br, gzip", "br"],
    ["gzip;q=0.5, br;q=0", "gzip"],
    ["GZIP", "gzip"],
    ["identity", undefined],
    ["*", undefined],
    ["", undefined],
  ])("is compressed as the browser asks: %j", async (accepted, encoding) => {
    const { port } = await listen()
    const path = "/assets/main-0123abcd.js"
    const got = await ask(port, path, { headers: { "Accept-Encoding": accepted } })
    expect(got.headers["content-encoding"]).toBe(encoding)
    expect(got.headers.vary).toBe("Accept-Encoding")
    const plain =
      encoding === "br"
        ? brotliDecompressSync(got.body)
        : encoding === "gzip"
          ? gunzipSync(got.body)
          : got.body
    expect(new Uint8Array(plain)).toEqual(page.get("assets/main-0123abcd.js"))
    const tags = await Promise.all(
      ["br", "gzip", "identity"].map(
        async (name) => (await ask(port, path, { headers: { "Accept-Encoding": name } })).headers.etag,
      ),
    )
    expect(new Set(tags).size).toBe(3)
  })

  test("small files and those compressed in themselves go as they are", async () => {
    const { port } = await listen()
    const got = await ask(port, "/icon.svg", { headers: { "Accept-Encoding": "br" } })
    expect(got.headers["content-encoding"]).toBeUndefined()
  })

  test("HEAD has the headers alone", async () => {
    const { port } = await listen()
    const [head, get] = [await ask(port, "/", { method: "HEAD" }), await ask(port, "/")]
    expect(head.body).toHaveLength(0)
    expect({ ...head.headers, date: "" }).toEqual({ ...get.headers, date: "" })
  })

  test("server.json has the addresses, and nobody keeps it", async () => {
    const { port } = await listen({ servers: ["smp://a@h:1", "smp://b@h:2"] })
    const got = await ask(port, "/server.json")
    expect(JSON.parse(got.body.toString())).toEqual({ servers: ["smp://a@h:1", "smp://b@h:2"] })
    expect(got.headers).toMatchObject({
      "cache-control": "no-store",
      "content-type": "application/json; charset=utf-8",
    })
  })

  test("without an index is no page", () => {
    expect(() => preparePage(new Map())).toThrow("index.html")
  })
})

describe("what is refused", () => {
  test.each([
    "/nothing",
    "/assets",
    "/assets/",
    "/../package.json",
    "/assets/../index.html",
    "/%2e%2e/package.json",
    "/..%2fpackage.json",
    "//index.html",
    "/assets//main-0123abcd.js",
    "/__proto__",
    "/constructor",
    "/index.html%00",
    "/INDEX.HTML",
    "/server.json/",
    "http://example.org/",
    "*",
  ])("the path %j is not there", async (path) => {
    const { port } = await listen()
    expect(
      (await raw(port, `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)).split("\r\n")[0],
    ).toBe("HTTP/1.1 404 Not Found")
  })

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND"])("%s", async (method) => {
    const { port } = await listen()
    const got = await ask(port, "/", { method })
    expect(got.status).toBe(405)
    expect(got.headers.allow).toBe("GET, HEAD")
  })

  test.each([
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["a host that would be a header", "GET / HTTP/1.1\r\nHost: a; script-src *\r\n\r\n", 400],
    ["a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
    ["a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 400],
    ["a body in chunks", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ["an expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417],
    ["no HTTP", "EHLO example.org\r\n\r\n", 400],
    ["headers of 20 kB", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    ["smp without WebSocket", "GET /smp HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 426],
  ])("%s, with the same headers as everything", async (_what, text, status) => {
    const { port } = await listen()
    const answer = await raw(port, text)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toMatch(/\r\nContent-Security-Policy: default-src 'none'; /)
    expect(answer).toMatch(/\r\nX-Content-Type-Options: nosniff\r\n/)
    expect(answer).not.toContain("script-src *")
  })

  test.each([
    ["another path", "/other", upgrade, 404],
    ["another protocol", "/smp", { ...upgrade, Upgrade: "h2c" }, 400],
    ["another version", "/smp", { ...upgrade, "Sec-WebSocket-Version": "8" }, 426],
    ["no key", "/smp", { ...upgrade, "Sec-WebSocket-Key": "short" }, 400],
  ])("a WebSocket with %s", async (_what, path, headers, status) => {
    const { port } = await listen()
    const got = await ask(port, path, { headers })
    expect(got.status).toBe(status)
    expect(got.headers["content-security-policy"]).toContain("default-src 'none'")
  })
})

describe("headers of every answer (Q28)", () => {
  const policy = (host: string): string =>
    "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; img-src 'self'; manifest-src 'self'; " +
    `connect-src 'self' ws://${host} wss://${host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; ` +
    "require-trusted-types-for 'script'; trusted-types smpkit"

  test.each(["/", "/server.json", "/icon.svg", "/nothing", "/smp"])("%s", async (path) => {
    const { port } = await listen()
    const { headers } = await ask(port, path, { headers: { Host: "chat.example.org:8080" } })
    expect(headers).toMatchObject({
      "content-security-policy": policy("chat.example.org:8080"),
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    })
    expect(headers["permissions-policy"]).toMatch(/^camera=\(self\), /)
    expect(headers["permissions-policy"]).toContain("microphone=()")
    expect(headers["strict-transport-security"]).toBeUndefined()
    expect(headers["access-control-allow-origin"]).toBeUndefined()
    expect(headers["set-cookie"]).toBeUndefined()
    expect(headers["x-powered-by"]).toBeUndefined()
  })

  test("an IPv6 host, which no source list can name, is left out", async () => {
    const { port } = await listen()
    const { headers } = await ask(port, "/", { headers: { Host: `[::1]:${port}` } })
    expect(headers["content-security-policy"]).toContain("connect-src 'self';")
  })

  test("behind a proxy the public host is named, whatever the proxy says, and HSTS is on", async () => {
    const { port } = await listen({ publicUrl: new URL("https://chat.example.org/"), secure: true })
    const { headers } = await ask(port, "/", { headers: { Host: "upstream" } })
    expect(headers["content-security-policy"]).toBe(policy("chat.example.org"))
    expect(headers["strict-transport-security"]).toBe("max-age=31536000")
  })
})

describe("below a prefix of a proxy", () => {
  test.each([
    ["that the proxy takes away", false],
    ["that the proxy leaves there", true],
  ])("%s", async (_what, keep) => {
    const publicUrl = keep ? new URL("https://example.org/chat/") : undefined
    const { port } = await listen({ publicUrl })
    const proxy = await prefixProxy(port, { keep })
    try {
      expect((await ask(proxy.port, "/chat/")).body).toEqual((await ask(port, "/")).body)
      for (const path of ["assets/main-0123abcd.js", "icon.svg", "server.json"])
        expect((await ask(proxy.port, `/chat/${path}`)).status, path).toBe(200)
      expect((await ask(proxy.port, "/chat/smp")).status).toBe(426)
      expect((await ask(proxy.port, "/elsewhere")).status).toBe(404)
    } finally {
      proxy.close()
    }
  })
})

describe("one origin only (Q27)", () => {
  const exact = async (): Promise<{ port: number; host: string; origin: string }> => {
    const { port } = await listen(
      {},
      {
        site: (bound) => ({
          files: preparePage(page),
          servers: [],
          secure: false,
          onlyOrigin: `http://127.0.0.1:${bound}`,
        }),
      },
    )
    return { port, host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` }
  }

  test("the page itself is served, with and without its Origin", async () => {
    const { port, host, origin } = await exact()
    expect((await ask(port, "/", { headers: { Host: host } })).status).toBe(200)
    expect((await ask(port, "/server.json", { headers: { Host: host, Origin: origin } })).status).toBe(200)
  })

  test.each(["localhost", "127.0.0.1", "evil.example", "127.0.0.1.evil.example", "[::1]"])(
    "Host %s is refused, as after DNS rebinding",
    async (name) => {
      const { port } = await exact()
      for (const host of name === "127.0.0.1" ? [name, `${name}:1`] : [name, `${name}:${port}`])
        for (const path of ["/", "/server.json", "/smp", "/icon.svg"])
          expect((await ask(port, path, { headers: { Host: host } })).status, `${host}${path}`).toBe(403)
    },
  )

  test.each(["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "HTTP"])(
    "Origin %s is refused",
    async (origin) => {
      const { port, host } = await exact()
      expect((await ask(port, "/server.json", { headers: { Host: host, Origin: origin } })).status).toBe(403)
      expect((await ask(port, "/smp", { headers: { ...upgrade, Host: host, Origin: origin } })).status).toBe(
        403,
      )
    },
  )

  test("a WebSocket needs the Origin", async () => {
    const { port, host, origin } = await exact()
    expect((await ask(port, "/smp", { headers: { ...upgrade, Host: host } })).status).toBe(403)
    const text = Object.entries({ ...upgrade, Host: host, Origin: origin }).map(([k, v]) => `${k}: ${v}\r\n`)
    expect(await raw(port, `GET /smp HTTP/1.1\r\n${text.join("")}\r\n`)).toBe("upgraded")
  })
})

describe("limits (Q21)", () => {
  const settled = async (socket: Socket): Promise<void> => {
    await new Promise((resolve) => socket.once("close", resolve))
  }
  const dial = async (port: number): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1")
    socket.on("error", () => undefined)
    await new Promise((resolve) => socket.once("connect", resolve))
    return socket
  }

  test("so many connections of one prefix, from accepting on, also after they became WebSockets", async () => {
    const { port } = await listen(
      {},
      {
        maxPerPrefix: 1,
        prefixOf: () => "one peer",
        onUpgrade: ({ opened: open, socket }) => {
          socket.resume().once("end", () => socket.destroy())
          open()
        },
      },
    )
    const first = await dial(port)
    await settled(await dial(port))
    const lines = Object.entries({ ...upgrade, Host: "h" }).map(([name, value]) => `${name}: ${value}\r\n`)
    first.write(`GET /smp HTTP/1.1\r\n${lines.join("")}\r\n`)
    await settled(await dial(port))
    first.destroy()
    await settled(first)
    await expect.poll(async () => (await ask(port, "/").catch(() => undefined))?.status).toBe(200)
  })

  test("silent connections keep nobody out: the oldest goes", async () => {
    const listener = await listen({}, { maxWaiting: 3 })
    const silent = [await dial(listener.port), await dial(listener.port), await dial(listener.port)] as const
    const gone = settled(silent[0])
    expect((await ask(listener.port, "/")).status).toBe(200)
    await gone
    expect(silent[2].destroyed).toBe(false)
    expect(listener.waiting).toBeLessThanOrEqual(3)
    for (const socket of silent) socket.destroy()
  })

  test("a WebSocket that is open does not count among those that wait", async () => {
    const sockets: (() => void)[] = []
    const listener = await listen(
      {},
      {
        maxWaiting: 1,
        onUpgrade: ({ opened: open, socket }) => {
          open()
          sockets.push(() => socket.destroy())
        },
      },
    )
    const open = await dial(listener.port)
    const lines = Object.entries({ ...upgrade, Host: "h" }).map(([name, value]) => `${name}: ${value}\r\n`)
    open.write(`GET /smp HTTP/1.1\r\n${lines.join("")}\r\n`)
    await expect.poll(() => sockets.length).toBe(1)
    expect(listener.waiting).toBe(0)
    expect((await ask(listener.port, "/")).status).toBe(200)
    expect((await ask(listener.port, "/")).status).toBe(200)
    expect(open.destroyed).toBe(false)
    for (const end of sockets) end()
  })

  test("a connection ends after five minutes, however busy it looks", async () => {
    const clock = new FakeClock()
    const { port } = await listen({}, { clock })
    const socket = await dial(port)
    const ended = settled(socket)
    socket.write("GET / HT")
    await clock.advance(300_000)
    await ended
  })

  test("whoever sends no whole head in time is told and ended", async () => {
    const { port } = await listen({}, { headTimeoutMs: 200 })
    expect(await raw(port, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")).toMatch(/^HTTP\/1\.1 408 /)
  })

  test("closing ends those that wait", async () => {
    const listener = await listen()
    const socket = await dial(listener.port)
    await expect.poll(() => listener.waiting).toBe(1)
    const ended = settled(socket)
    await listener.close()
    await ended
    await expect(ask(listener.port, "/")).rejects.toMatchObject({ code: "ECONNREFUSED" })
  })
})

test("a port that is taken is PORT", async () => {
  const { port } = await listen()
  await expect(listen({}, { port })).rejects.toMatchObject({ code: "PORT" })
})
