import { describe, expect, it } from "vitest"
import { describeLink } from "../src/worker/link-description.ts"
import { hostOf, problemOf } from "../src/worker/problems.ts"
import { readServers } from "../src/worker/server-list.ts"

describe("the server's list of addresses", () => {
  it("is read", () => {
    expect(readServers({ servers: ["smp://AAAA@host:1"], more: 1 })).toEqual(["smp://AAAA@host:1"])
  })

  it.each([
    undefined,
    null,
    [],
    {},
    { servers: [] },
    { servers: "smp://x" },
    { servers: [1] },
    { servers: ["https://x"] },
  ])("refuses %j", (value) => {
    expect(() => readServers(value)).toThrow(TypeError)
  })
})

describe("hosts of server addresses", () => {
  it.each([
    ["smp://AAAA@chat.example", "chat.example"],
    ["smp://AAAA@chat.example:5223", "chat.example:5223"],
    ["smp://AAAA@chat.example,x.onion:5223", "chat.example:5223"],
    ["smp://AAAA@[::1]:5223", "[::1]:5223"],
    ["smp://AAAA:password@chat.example", "chat.example"],
  ])("%s", (server, host) => {
    expect(hostOf(server)).toBe(host)
  })
})

describe("problems", () => {
  it("keep the code, and the host of the server", () => {
    const error = Object.assign(new Error("m"), { code: "NETWORK", server: "smp://A@h:1" })
    expect(problemOf(error)).toEqual({ code: "NETWORK", message: "m", host: "h:1" })
    expect(problemOf(new TypeError("bug"))).toEqual({ code: "BUG", message: "bug" })
    expect(problemOf("text")).toMatchObject({ code: "BUG" })
  })
})

describe("links", () => {
  const keyHash = `${"A".repeat(43)}=`
  const queue = `smp://${keyHash}@chat.example:5223/${"A".repeat(32)}#/?v=1-4&dh=MCowBQYDK2VuAyEA${"B".repeat(42)}A=&q=m`
  // An X448 key of 56 bytes, twice.
  const key = `MEIwBQYDK2VvAzkA${"B".repeat(74)}A=`
  const link = (queueText = queue): string =>
    `simplex:/invitation#/?v=2-7&smp=${encodeURIComponent(queueText)}&e2e=${encodeURIComponent(`v=2-3&x3dh=${key},${key}`)}`

  it("of the page's own server can be joined", () => {
    expect(describeLink(link(), [`smp://${keyHash}@other-name.example`])).toEqual({ hosts: ["chat.example"] })
  })

  it("show the host of the queue's server, not the one that the link stands at (security.md Q9)", () => {
    const decorated = link().replace("simplex:", "https://trusted.example")
    expect(describeLink(decorated, [`smp://${keyHash}@chat.example`])).toEqual({ hosts: ["chat.example"] })
  })

  it("of a server elsewhere end in a sentence before anything is sent", () => {
    expect(describeLink(link(), [`smp://${"B".repeat(42)}A=@chat.example`])).toMatchObject({
      hosts: ["chat.example"],
      problem: { code: "SERVER_ELSEWHERE", host: "chat.example" },
    })
  })

  it.each([
    ["that names its server by fingerprint", `simplex:/i#AAAA/BBBB?h=chat.example&c=${keyHash}`, true],
    ["that names another one", `https://chat.example/a#BBBB?c=${"B".repeat(43)}`, false],
    ["that leaves it to the reader, who knows the host", "https://chat.example/a#BBBB", true],
    ["that leaves it to the reader, who does not", "https://elsewhere.example/a#BBBB", false],
  ])("a short one %s", (_, short, isOwn) => {
    const { problem } = describeLink(short, [`smp://${keyHash}@chat.example:5223`])
    expect(problem?.code).toBe(isOwn ? undefined : "SERVER_ELSEWHERE")
  })

  it("that are none say so", () => {
    expect(describeLink("simplex:/invitation#/?v=2-7", ["smp://A@h"])).toMatchObject({
      problem: { code: "LINK" },
    })
    expect(describeLink(link().replace("q%3Dm", ""), []).hosts).toEqual(["chat.example"])
  })
})
