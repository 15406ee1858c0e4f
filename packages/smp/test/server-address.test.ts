import { concatBytes, decode, encode, toBase64Url, utf8, WireError } from "@smpkit/codec"
import {
  formatServerAddress,
  legacyServerAddress,
  parseHost,
  parseServerAddress,
  portNumber,
  sameServer,
  serverAddress,
  SmpError,
} from "@smpkit/smp"
import { hex, loadVectors } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { kh } from "./fixtures.ts"

const hash = toBase64Url(kh)
const onion = "beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion"

describe("recorded addresses", () => {
  for (const one of loadVectors("addresses").at("servers").items()) {
    const text = one.at("str").text()
    test(text, () => {
      const address = parseServerAddress(text)
      expect(address.hosts).toEqual(
        one
          .at("hosts")
          .items()
          .map((host) => host.text()),
      )
      expect(address.port).toBe(one.at("port").text())
      expect(address.keyHash).toEqual(one.at("keyHash").bytes())
      expect(address.basicAuth).toBe(one.find("auth")?.text())
      // The reference writes IPv6 hosts bare, which cannot be told from a host with a port; we keep the brackets.
      expect(formatServerAddress(address)).toBe(text.includes("[") ? text : one.at("reencoded").text())
      const { basicAuth, ...server } = address
      expect([basicAuth, encode(serverAddress, server)]).toEqual([
        one.find("auth")?.text(),
        one.at("smpServer").bytes(),
      ])
      expect(decode(serverAddress, one.at("smpServer").bytes())).toEqual(server)
    })
  }
})

test("the worked example of encoding.md", () => {
  const address = { hosts: ["localhost"], port: "5001", keyHash: kh } as const
  expect(formatServerAddress(address)).toBe(
    "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@localhost:5001",
  )
  expect(encode(serverAddress, address)).toEqual(
    concatBytes(hex("01 096c6f63616c686f7374 0435303031 20"), kh),
  )
  expect(encode(serverAddress, address)).toHaveLength(49)
})

describe("hosts", () => {
  const label63 = "a".repeat(63)
  test.each([
    "localhost",
    "LOCALHOST",
    "a",
    "smp8.simplex.im",
    "xn--mnchen-3ya.example",
    "1.example",
    "a-b.c",
    `${label63}.${label63}.${label63}.${"a".repeat(61)}`,
    onion,
    "127.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
    "::1",
    "::",
    "2001:db8::8a2e:370:7334",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "FE80::1",
  ])("%s", (host) => {
    expect(parseHost(host)).toBe(host)
  })
  test("brackets belong to the text of an IPv6 host, not to the host", () => {
    expect(parseHost("[::1]")).toBe("::1")
  })
  test.each([
    "",
    " ",
    "a b",
    "a_b",
    "-a",
    "a-",
    "a..b",
    ".a",
    "a.",
    "a.-b",
    "münchen.example",
    "ｌocalhost",
    "a\n",
    "a\0",
    "a/b",
    "a@b",
    "a:b",
    "a,b",
    "a%41",
    `${label63}a`,
    `${label63}.${label63}.${label63}.${"a".repeat(62)}`,
    "192.256.0.1",
    "127.0.0.257",
    "192.168.0.0.1",
    "127.0.0.01",
    "0177.0.0.1",
    "127.1",
    "2130706433",
    "example.1",
    `${onion}.onion`,
    `sub.${onion}`,
    onion.toUpperCase(),
    "short.onion",
    "1becx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion",
    "[127.0.0.1]",
    "[::1",
    "[]",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "::g",
    ":1::2",
    "::1%eth0",
    "::ffff:127.0.0.1",
  ])("not %j", (host) => {
    expect(parseHost(host)).toBeUndefined()
  })
})

describe("texts that are addresses", () => {
  test.each([
    [`smp://${hash}@a,b.c,[::1]:443`, { hosts: ["a", "b.c", "::1"], port: "443" }],
    [`smp://${hash}@[::1]`, { hosts: ["::1"], port: "" }],
    [`smp://${hash}@::1`, { hosts: ["::1"], port: "" }],
    [`smp://${hash}@1:2:3:4:5:6:7:8:5223`, { hosts: ["1:2:3:4:5:6:7:8"], port: "5223" }],
    [`smp://${hash}@[::1],a`, { hosts: ["::1", "a"], port: "" }],
    [`smp://${hash.slice(0, -1)}@a`, { hosts: ["a"], port: "" }],
    [`smp://${hash}:p!?~w@a:1`, { hosts: ["a"], port: "1", basicAuth: "p!?~w" }],
  ])("%s", (text, expected) => {
    const address = parseServerAddress(text)
    expect(address).toEqual({ keyHash: kh, ...expected })
    expect(parseServerAddress(formatServerAddress(address))).toEqual(address)
  })
})

describe("texts that are none", () => {
  test.each([
    "",
    "smp://",
    "smp://a",
    `${hash}@a`,
    `SMP://${hash}@a`,
    `xftp://${hash}@a`,
    `https://${hash}@a`,
    ` smp://${hash}@a`,
    `smp://${hash}@a `,
    `smp://${hash}@a\n`,
    `smp://${hash}@`,
    `smp://${hash}@:5223`,
    `smp://${hash}@a:`,
    `smp://${hash}@a:0`,
    `smp://${hash}@a:05223`,
    `smp://${hash}@a:65536`,
    `smp://${hash}@a:-1`,
    `smp://${hash}@a:443:443`,
    `smp://${hash}@a,`,
    `smp://${hash}@,a`,
    `smp://${hash}@a:1,b`,
    `smp://${hash}@a/`,
    `smp://${hash}@::1:5001`,
    `smp://${hash}@a@b`,
    `smp://@a`,
    `smp://${hash.slice(4)}@a`,
    `smp://AAAA${hash}@a`,
    `smp://${hash.replace("L", "+")}@a`,
    `smp://${hash}:@a`,
    `smp://${hash}:a b@a`,
    `smp://${hash}:a:b@a`,
    `smp://${hash}:a/b@a`,
    `smp://${hash}@${"a,".repeat(9000)}a`,
  ])("%j", (text) => {
    expect(() => parseServerAddress(text)).toThrow(expect.toSatisfy((error) => SmpError.is(error, "ADDRESS")))
  })
  test("the error repeats nothing of the text", () => {
    expect(() => parseServerAddress(`smp://${hash}:canary/@canary`)).toThrow(/^(?!.*canary).*$/s)
  })
})

describe("bytes", () => {
  const bytes = (hosts: readonly string[], port: string, keyHash: Uint8Array = kh) =>
    concatBytes(
      Uint8Array.of(hosts.length),
      ...hosts.map((host) => concatBytes(Uint8Array.of(host.length), utf8(host))),
      Uint8Array.of(port.length),
      utf8(port),
      Uint8Array.of(keyHash.length),
      keyHash,
    )
  test("::1 and [::1] are one host", () => {
    expect(decode(serverAddress, bytes(["[::1]"], "1"))).toEqual(decode(serverAddress, bytes(["::1"], "1")))
  })
  test.each([
    ["no host", bytes([], "1")],
    ["an empty host", bytes([""], "1")],
    ["a host with a space", bytes(["a b"], "1")],
    ["a port of letters", bytes(["a"], "http")],
    ["port 0", bytes(["a"], "0")],
    ["a port above 65535", bytes(["a"], "65536")],
    ["a key hash of 31 bytes", bytes(["a"], "1", kh.subarray(1))],
    ["a key hash of 33 bytes", bytes(["a"], "1", concatBytes(kh, hex("00")))],
    ["a byte behind", concatBytes(bytes(["a"], "1"), hex("00"))],
  ])("%s", (_, encoded) => {
    expect(() => decode(serverAddress, encoded)).toThrow(WireError)
  })
  test("values that do not fit", () => {
    const address = { hosts: ["a"], port: "1", keyHash: kh } as const
    expect(() => encode(serverAddress, { ...address, hosts: ["a b"] })).toThrow(RangeError)
    expect(() => encode(serverAddress, { ...address, hosts: ["[::1]"] })).toThrow(RangeError)
    expect(() => encode(serverAddress, { ...address, port: "x" })).toThrow(RangeError)
    expect(() => encode(serverAddress, { ...address, keyHash: kh.slice(1) })).toThrow(RangeError)
  })
  test("the layout of client version 1 has the first host", () => {
    const encoded = encode(legacyServerAddress, { hosts: ["a", "b"], port: "1", keyHash: kh })
    expect(encoded).toEqual(bytes(["a"], "1").subarray(1))
    expect(decode(legacyServerAddress, encoded)).toEqual({ hosts: ["a"], port: "1", keyHash: kh })
  })
})

test("which addresses name one server", () => {
  const a = { hosts: ["a", "b"], port: "", keyHash: kh } as const
  expect(portNumber(a)).toBe(5223)
  expect(portNumber({ ...a, port: "443" })).toBe(443)
  expect(sameServer(a, { ...a, port: "5223" })).toBe(true)
  expect(sameServer(a, { ...a, port: "443" })).toBe(false)
  expect(sameServer(a, { ...a, hosts: ["b", "a"] })).toBe(false)
  expect(sameServer(a, { ...a, hosts: ["a"] })).toBe(false)
  expect(sameServer(a, { ...a, hosts: ["A", "b"] })).toBe(false)
  expect(sameServer(a, { ...a, keyHash: new Uint8Array(32) })).toBe(false)
})

test("more hosts than the wire can count are no address", () => {
  const hosts = (count: number): string => Array.from({ length: count }, () => "a.example").join(",")
  const most = parseServerAddress(`smp://${"A".repeat(43)}=@${hosts(255)}`)
  expect(decode(serverAddress, encode(serverAddress, most)).hosts).toHaveLength(255)
  expect(() => parseServerAddress(`smp://${"A".repeat(43)}=@${hosts(256)}`)).toThrow(
    expect.objectContaining({ code: "ADDRESS" }),
  )
})
