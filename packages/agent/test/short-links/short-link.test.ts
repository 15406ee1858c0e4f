import { decode, encode, toHex, WireError } from "@smpkit/codec"
import type { ServerAddress } from "@smpkit/smp"
import { loadVectors } from "@smpkit/testkit"
import { describe, expect, it } from "vitest"
import { AgentError } from "../../src/errors.ts"
import {
  contactShortLink,
  formatShortLink,
  looksLikeShortLink,
  parseShortLink,
  shortLink,
} from "../../src/short-links/short-link.ts"

const vectors = loadVectors("addresses").at("shortLinks").items()
const texts = vectors.map((v) => v.at("str").text())
const whole = vectors.filter((v) => v.at("str").text().includes("c="))
const shortened = vectors.filter((v) => !v.at("str").text().includes("c="))
const smp8: ServerAddress = parseShortLink(texts[0] ?? "", []).server

describe("a short link", () => {
  it.each(whole.map((v) => [v.at("name").text(), v] as const))("%s", (_, vector) => {
    const text = vector.at("str").text()
    const bytes = vector.at("smp").bytes()
    const link = parseShortLink(text, [])
    expect(looksLikeShortLink(text)).toBe(true)
    expect(toHex(encode(shortLink, link))).toBe(toHex(bytes))
    expect(decode(shortLink, bytes)).toEqual(link)
    expect(formatShortLink(link, text.startsWith("https:") ? "https" : "simplex")).toBe(text)
  })

  it.each(shortened.map((v) => [v.at("name").text(), v.at("str").text(), v.at("smp").bytes()] as const))(
    "%s: completed from the agent's servers, refused without the one it means",
    (_, text, bytes) => {
      expect(parseShortLink(text, [smp8]).server).toEqual(smp8)
      expect(() => parseShortLink(text, [])).toThrow(/add the server first/)
      // A server without a fingerprint is none: neither in a list of relays.
      expect(() => decode(shortLink, bytes)).toThrow(WireError)
    },
  )

  it("reads contact types in upper case, invitations in lower case only, padding, and a slash before #", () => {
    const contact = texts.find((text) => text.includes("/a#")) ?? ""
    expect(parseShortLink(contact.replace("/a#", "/A/#"), [])).toEqual(parseShortLink(contact, []))
    const invitation = texts[0] ?? ""
    expect(() => parseShortLink(invitation.replace("/i#", "/I#"), [])).toThrow(AgentError)
    expect(parseShortLink(invitation.replace("?", "=?"), [])).toEqual(parseShortLink(invitation, []))
  })

  it.each(["https", "simplex"] as const)("names addresses of IPv6 in brackets (%s)", (scheme) => {
    const server: ServerAddress = { ...smp8, hosts: ["2001:db8::1", "smp.example"], port: "5223" }
    const link = { ...parseShortLink(texts[0] ?? "", []), server }
    const text = formatShortLink(link, scheme)
    expect(text).toContain(scheme === "https" ? "https://[2001:db8::1]/i#" : "h=%5B2001%3Adb8%3A%3A1%5D%2C")
    expect(parseShortLink(text, [])).toEqual(link)
  })

  const [first = ""] = texts
  it.each([
    ["without a key", first.replace(/\/[\w-]{43}\?/, "/?")],
    ["with a short key", first.replace(/[\w-]{4}\?/, "?")],
    ["without the id of an invitation", first.replace(/#[\w-]{32}\//, "#")],
    ["with the id of an invitation in an address", first.replace("/i#", "/a#")],
    ["with an unknown type", first.replace("/i#", "/x#")],
    ["with a fingerprint that is too short", first.replace(/c=[\w-]+/, "c=AAAA")],
    ["without a fingerprint, but with a port", first.replace(/&c=[\w-]+/, "")],
    ["with a repeated fingerprint (Q9)", `${first}&c=0YuTwO05YJWS8rkjn9eLJDjQhFKvIYd8d4xG8X1blIU`],
    ["with a password", first.replace("&c=", "&c=0YuTwO05YJWS8rkjn9eLJDjQhFKvIYd8d4xG8X1blIU%3Apass&x=")],
    ["with a port that is none", first.replace("p=5223", "p=70000")],
    ["with a host that is none", first.replace("//smp8.", "//smp_8.")],
    ["that is too long (Q9)", first + "&x=".padEnd(17_000, "y")],
    ["that is a sentence", "see you at eight"],
  ])("%s is refused, and the error does not repeat it", (_, text) => {
    expect(() => parseShortLink(text, [smp8])).toThrow(AgentError)
    try {
      parseShortLink(text, [smp8])
    } catch (error) {
      expect(error).toMatchObject({ code: "LINK" })
      expect(String(error)).not.toContain(text.slice(-20))
    }
  })

  it("among relays is an address", () => {
    expect(() => decode(contactShortLink, encode(shortLink, parseShortLink(first, [])))).toThrow(WireError)
  })
})
