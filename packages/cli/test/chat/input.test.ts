import { describe, expect, test } from "vitest"
import { parseChatInput } from "../../src/chat/input.ts"

describe("a line in the chat", () => {
  test.each([
    ["", { type: "nothing" }],
    ["   ", { type: "nothing" }],
    ["hello /quit", { type: "text", text: "hello /quit" }],
    ["  indented", { type: "text", text: "  indented" }],
    ["//etc/hosts", { type: "text", text: "/etc/hosts" }],
    ["/help", { type: "help" }],
    ["/code", { type: "code" }],
    ["/verify", { type: "verify", verified: true }],
    ["/verify no", { type: "verify", verified: false }],
    ["/list ", { type: "list" }],
    ["/info", { type: "info" }],
    ["/move", { type: "move", server: undefined }],
    ["/move smp://AAAA@x.example", { type: "move", server: "smp://AAAA@x.example" }],
    ["/renew", { type: "renew" }],
    ["/invite", { type: "invite" }],
    ["/open 2", { type: "open", number: 2 }],
    ["/delete 12", { type: "delete", number: 12 }],
    ["/join simplex:/invitation#/?v=2-7", { type: "join", link: "simplex:/invitation#/?v=2-7" }],
    ["/quit", { type: "quit" }],
  ])("%j", (line, input) => {
    expect(parseChatInput(line)).toEqual(input)
  })

  test.each([
    "/quit now",
    "/verify yes",
    "/move a b",
    "/renew keys",
    "/open",
    "/open 0",
    "/open x",
    "/delete 1 2",
    "/join",
    "/join a b",
    "/Help",
    "/",
    "/frob",
  ])("%j is not sent by mistake", (line) => {
    expect(parseChatInput(line).type).toBe("wrong")
  })
})
