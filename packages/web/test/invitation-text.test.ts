import { describe, expect, it } from "vitest"
import { inFragment, pageLink, recognize } from "../src/invitation-text.ts"

const link = "simplex:/invitation#/?v=2-7&smp=smp%3A%2F%2Fabc%40host%2Fid%23%2F%3Fv%3D1-4&e2e=v%3D2-3"
const found = { type: "link", link }
const none = { type: "none" }

describe("invitations among other text", () => {
  it.each([
    ["alone", link, found],
    ["with spaces around", `\n ${link} \n`, found],
    ["in a sentence", `Here it is: ${link}. Works once!`, found],
    ["in quotation marks", `"${link}"`, found],
    [
      "as a link of a web page",
      link.replace("simplex:", "https://simplex.chat"),
      {
        type: "link",
        link: link.replace("simplex:", "https://simplex.chat"),
      },
    ],
    [
      "a short link",
      "https://smp.example/i#abc/def",
      { type: "link", link: "https://smp.example/i#abc/def" },
    ],
    ["as an address of a chat page", pageLink("https://host.example/chat/", link), found],
    ["percent-encoded behind a page's address", `https://host.example/#${encodeURIComponent(link)}`, found],
    ["no link", "hello", none],
    ["nothing", "", none],
    ["another scheme", "javascript:/invitation#/?v=1", none],
    ["longer than a link may be", link + "x".repeat(20_000), none],
  ])("%s", (_, text, expected) => {
    expect(recognize(text)).toEqual(expected)
  })

  it("goes into a page's address and comes back", () => {
    const { hash } = new URL(pageLink("https://host.example/chat/", link))
    expect(inFragment(hash)).toEqual(found)
  })

  it.each([
    ["the link itself", `#${link}`],
    ["percent-encoded", `#${encodeURIComponent(link)}`],
    ["as a path", link.replace("simplex:", "#").replace("#/?", "/?")],
    ["as a path with the link's own hash", link.replace("simplex:", "#")],
  ])("reads a fragment: %s", (_, fragment) => {
    expect(inFragment(fragment)).toEqual(found)
  })

  it.each(["", "#", "#/", "#section", "#%", "#javascript:alert(1)", "#/settings/?x"])(
    "finds none in %j",
    (fragment) => {
      expect(inFragment(fragment)).toEqual(none)
    },
  )
})
