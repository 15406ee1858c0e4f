import { decode, encode, toHex, utf8, WireError } from "@smpkit/codec"
import { loadVectors } from "@smpkit/testkit"
import { describe, expect, it } from "vitest"
import { agentEnvelope, paddedLengths } from "../src/envelopes.ts"
import { AgentError } from "../src/errors.ts"
import { connectionLink, formatLink, maxLinkLength, parseLink } from "../src/links.ts"
import { agentContent } from "../src/messages.ts"
import { agentVersions } from "../src/version.ts"

const agent = loadVectors("agent")
const addresses = loadVectors("addresses")

describe("agent messages and confirmations", () => {
  for (const vector of agent.at("agentMessages").items()) {
    it(vector.at("name").text(), () => {
      const bytes = vector.at("smp").bytes()
      const content = decode(agentContent, bytes)
      expect(toHex(encode(agentContent, content))).toBe(toHex(bytes))
    })
  }

  it("reads what the vectors say", () => {
    const contents = agent
      .at("agentMessages")
      .items()
      .map((v) => decode(agentContent, v.at("smp").bytes()))
    expect(contents.map((c) => (c.type === "AgentMessage" ? c.message.type : c.type))).toEqual([
      "AgentConnInfo",
      "AgentConnInfoReply",
      "AgentRatchetInfo",
      "HELLO",
      "HELLO",
      "A_MSG",
      "A_RCVD",
      "A_QCONT",
      "QADD",
      "QADD",
      "QKEY",
      "QUSE",
      "QTEST",
      "EREADY",
    ])
    expect(contents[5]).toMatchObject({
      sndMsgId: 5,
      prevMsgHash: utf8("h".repeat(32)),
      message: { body: utf8("hello") },
    })
  })

  it.each(["4d0000000000000005005a", "4d00000000000000050048ff", "4d00000000000000050056 00", "5a", ""])(
    "refuses %s",
    (digits) => {
      const bytes = Uint8Array.from(Buffer.from(digits.replace(/ /g, ""), "hex"))
      expect(() => decode(agentContent, bytes)).toThrow(WireError)
    },
  )

  it("refuses every message that is cut, and every one but text with a byte more", () => {
    for (const vector of agent.at("agentMessages").items()) {
      const bytes = vector.at("smp").bytes()
      const content = decode(agentContent, bytes)
      const takesAll = content.type !== "AgentMessage" || content.message.type === "A_MSG"
      for (let n = 0; n < (takesAll ? 1 : bytes.length); n++) {
        expect(() => decode(agentContent, bytes.subarray(0, n))).toThrow(WireError)
      }
      if (!takesAll) expect(() => decode(agentContent, Uint8Array.from([...bytes, 0x30]))).toThrow(WireError)
    }
  })
})

describe("agent envelopes", () => {
  it("are padded inside the ratchet to the recorded lengths, without post-quantum encryption and with it", () => {
    const recorded = (name: string, state: string): number => agent.at("paddedLengths", name, state).number()
    for (const postQuantum of [false, true]) {
      const state = postQuantum ? "pqOn" : "pqOff"
      expect(paddedLengths(postQuantum, agentVersions.max)).toEqual({
        info: recorded("e2eEncConnInfoLength", state),
        message: recorded("e2eEncAgentMsgLength", state),
      })
    }
  })

  for (const vector of agent.at("envelopes").items()) {
    it(vector.at("name").text(), () => {
      const bytes = vector.at("smp").bytes()
      const envelope = decode(agentEnvelope, bytes)
      expect(envelope.version).toBe(7)
      expect(toHex(encode(agentEnvelope, envelope))).toBe(toHex(bytes))
    })
  }

  it("refuses unknown tags", () => {
    expect(() => decode(agentEnvelope, Uint8Array.of(0, 7, 0x5a))).toThrow(WireError)
  })
})

describe("long links", () => {
  for (const vector of addresses.at("connReqs").items()) {
    it(vector.at("name").text(), () => {
      const text = vector.at("str").text()
      const link = parseLink(text)
      expect(formatLink(link)).toBe(vector.at("strReparsedReencoded").text())
      const bytes = vector.at("smp").bytes()
      const fromBytes = decode(connectionLink, bytes)
      expect(toHex(encode(connectionLink, fromBytes))).toBe(toHex(bytes))
      expect(formatLink(fromBytes)).toBe(text)
    })
  }

  const [invitation = ""] = addresses
    .at("connReqs")
    .items()
    .map((v) => v.at("str").text())
  const linkError = (text: string): unknown => {
    try {
      return parseLink(text)
    } catch (error) {
      return error
    }
  }

  it("reads the form with a web host, whose name it drops, and any order of parameters", () => {
    expect(formatLink(parseLink(invitation.replace("simplex:", "https://simplex.chat")))).toBe(invitation)
    const [head = "", query = ""] = invitation.split("#/?")
    const turned = `${head}#/?${query.split("&").reverse().join("&")}&other=1`
    expect(formatLink(parseLink(turned))).toBe(invitation)
  })

  it.each([
    ["nothing", ""],
    ["another scheme", "http://simplex.chat/invitation#/?v=2-7"],
    ["too long a text", `${invitation}&x=${"a".repeat(maxLinkLength)}`],
    ["a repeated version", `${invitation}&v=2-7`],
    ["a repeated queue", `${invitation}&smp=x`],
    ["no keys", invitation.replace(/&e2e=.*$/, "")],
    ["an address with keys", invitation.replace("/invitation", "/contact")],
    ["a password", invitation.replace("%40localhost", "%3Apassword%40localhost")],
    ["a host outside the grammar", invitation.replace("localhost", "local_host")],
    ["a port out of range", invitation.replace("localhost", "localhost%3A70000")],
    ["white space", invitation.replace("invitation#", "invitation #")],
    ["a key that is none", invitation.replace("x3dh%3DMEIw", "x3dh%3DAAAA")],
    ["a version range upside down", invitation.replace("v=2-7", "v=7-2")],
  ])("refuses %s", (_, text) => {
    const error = linkError(text)
    expect(AgentError.is(error, "LINK")).toBe(true)
    expect(String(error)).not.toContain("MEIw")
  })

  it("tells an invitation for version 1, which nobody joins, from an address, which counts as version 2", () => {
    expect(parseLink(invitation.replace("v=2-7", "v=1")).versions).toEqual({ min: 1, max: 1 })
    const contact = addresses
      .at("connReqs")
      .items()
      .find((v) => v.at("name").text().startsWith("contact"))
    expect(parseLink((contact?.at("str").text() ?? "").replace("v=2-7", "v=1")).versions).toEqual({
      min: 2,
      max: 2,
    })
  })
})

it("whatever is wrong with a link, the error says to ask for it again", () => {
  const link = addresses.at("connReqs").at(0).at("str").text()
  for (const mangled of [link.slice(0, -20), link.replace("smp=", "spm="), "hello"])
    expect(() => parseLink(mangled)).toThrow(/Ask for it to be sent again, complete and unchanged\.$/)
})
