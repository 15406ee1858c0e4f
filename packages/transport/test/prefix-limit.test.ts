import { connect, type Socket } from "node:net"
import { createIdentity, listenTls } from "@smpkit/transport/tls"
import { serverIdentity } from "@smpkit/transport"
import { systemRandom } from "@smpkit/crypto"
import { describe, expect, test } from "vitest"
import { addressPrefix, PrefixLimit } from "../src/prefix-limit.ts"
import { chainClock, dial } from "./tls-helpers.ts"

describe("what counts as one peer", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::FFFF:203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::9", "2001:db8:1:2"],
    ["2001:db8::9", "2001:db8:0:0"],
    ["2001:db8::1:2:3:4:5", "2001:db8:0:1"],
    ["::2:3:4:5:6:7:8", "0:2:3:4"],
    ["64:ff9b::203.0.113.7", "64:ff9b:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["::", "0:0:0:0"],
    ["127.0.0.1", undefined],
    ["127.8.0.1", undefined],
    ["::ffff:127.0.0.1", undefined],
    ["::1", undefined],
  ])("%s: %s", (address, prefix) => {
    expect(addressPrefix(address)).toBe(prefix)
  })
})

test("a place is given back once, and nothing is kept of a prefix that has none", () => {
  const limit = new PrefixLimit(2)
  const first = limit.take("203.0.113.7")
  expect(first).toBeDefined()
  expect(limit.take("203.0.113.7")).toBeDefined()
  expect(limit.take("::ffff:203.0.113.7")).toBeUndefined()
  expect(limit.take("203.0.113.8")).toBeDefined()
  first?.[Symbol.dispose]()
  first?.[Symbol.dispose]()
  expect(limit.take("203.0.113.7")).toBeDefined()
  expect(limit.take("203.0.113.7")).toBeUndefined()
  for (let i = 0; i < 9; i++) expect(limit.take("127.0.0.1")).toBeDefined()
})

describe("a listener with a limit per prefix", () => {
  const made = createIdentity({ host: "localhost", now: chainClock.now(), random: systemRandom })
  const identity = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
  const listen = (prefixOf?: () => string) =>
    listenTls({
      identity,
      host: "127.0.0.1",
      port: 0,
      clock: chainClock,
      maxPerPrefix: 2,
      prefixOf,
      onConnection: () => undefined,
    })
  const plain = async (port: number): Promise<Socket> => {
    const socket = connect({ host: "127.0.0.1", port })
    socket.on("error", () => undefined)
    await new Promise((resolve) => socket.once("connect", resolve))
    return socket
  }

  test("closes what is too much before a byte is said, counts silent and finished handshakes alike, and frees a place", async () => {
    await using listener = await listen(() => "one")
    const silent = await plain(listener.port)
    const client = await dial(listener.port, identity)
    const refused = await plain(listener.port)
    const said: Buffer[] = []
    refused.on("data", (data: Buffer) => said.push(data))
    await new Promise((resolve) => refused.once("close", resolve))
    expect(said).toEqual([])
    // After the handshake as well a place is held until the connection is closed.
    await client.close()
    let again = await dial(listener.port, identity).catch(() => undefined)
    for (let i = 0; i < 100 && again === undefined; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      again = await dial(listener.port, identity).catch(() => undefined)
    }
    expect(again).toBeDefined()
    await expect(dial(listener.port, identity)).rejects.toMatchObject({ code: "NETWORK" })
    await again?.close()
    silent.destroy()
  })

  test("exempts loopback unless a test says otherwise", async () => {
    await using listener = await listen()
    const clients = await Promise.all([1, 2, 3, 4].map(() => dial(listener.port, identity)))
    expect(clients).toHaveLength(4)
    for (const client of clients) await client.close()
  })
})
