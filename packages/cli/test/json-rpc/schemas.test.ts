import { describe, expect, test } from "vitest"
import { type MethodName, readParams, schemas } from "../../src/json-rpc/schemas.ts"

type Row = readonly [method: MethodName, params: unknown]
const c = { connectionId: "c1" }

const accepted: readonly Row[] = [
  ["createConnection", { mode: "invitation" }],
  ["createConnection", { mode: "contact", postQuantum: "required", short: true, userDataBase64: "aGk" }],
  ["joinConnection", { link: "simplex:/invitation#/?v=2-7", infoBase64: "aGk=", postQuantum: "off" }],
  ["allowConnection", { ...c, confirmationId: "f1" }],
  ["allowConnection", { ...c, confirmationId: "f1", infoBase64: "" }],
  ["acceptContact", { ...c, requestId: "r1", infoBase64: "aGk" }],
  ["rejectContact", { ...c, requestId: "r1" }],
  ["sendMessage", { ...c, text: "" }],
  ["sendMessage", { ...c, text: "Grüße 👋" }],
  ["sendMessage", { ...c, bodyBase64: "_-8" }],
  ["acknowledgeMessage", { ...c, messageId: 1 }],
  ["acknowledgeMessage", { ...c, messageId: 9_007_199_254_740_991, receipt: false }],
  ["switchQueue", c],
  ["switchQueue", { ...c, server: "smp://AAAA@localhost" }],
  ["synchronizeRatchet", { ...c, force: true }],
  ["securityCode", c],
  ["getLink", c],
  ["setLinkData", { ...c, userDataBase64: "aGk" }],
  ["deleteShortLink", c],
  ["setVerified", { ...c, verified: true }],
  ["connectionState", c],
  ["listConnections", undefined],
  ["listConnections", {}],
  ["deleteConnection", { ...c, waitForDelivery: true }],
  ["getServers", undefined],
  ["setServers", { servers: ["smp://AAAA@localhost"] }],
  ["subscribe", undefined],
  ["subscribe", { connectionIds: ["c1", "c2"] }],
  ["unsubscribe", { connectionIds: [] }],
  ["version", undefined],
]

const refused: readonly (readonly [...Row, why: RegExp])[] = [
  ["createConnection", {}, /mode/],
  ["createConnection", undefined, /mode/],
  ["createConnection", null, /mode/],
  ["createConnection", { mode: "address" }, /mode/],
  ["createConnection", { mode: "invitation", postQuantum: true }, /postQuantum/],
  ["createConnection", { mode: "invitation", userDataBase64: "aGk" }, /short/],
  ["createConnection", { mode: "invitation", short: undefined }, /short/],
  ["createConnection", ["invitation"], /./],
  ["createConnection", { mode: "invitation", cipher: "none" }, /cipher/],
  ["createConnection", JSON.parse('{"mode":"invitation","__proto__":{}}'), /./],
  ["joinConnection", { link: "" }, /link/],
  ["joinConnection", { link: "x".repeat(16_385) }, /link/],
  ["joinConnection", { link: "simplex:/", infoBase64: "a+b/" }, /infoBase64/],
  ["joinConnection", { link: "simplex:/", infoBase64: "a" }, /infoBase64/],
  ["allowConnection", c, /confirmationId/],
  ["sendMessage", c, /text and bodyBase64/],
  ["sendMessage", { ...c, text: "a", bodyBase64: "YQ" }, /text and bodyBase64/],
  ["sendMessage", { ...c, text: 5 }, /text/],
  ["sendMessage", { ...c, text: "\ud800" }, /Unicode/],
  ["sendMessage", { connectionId: "", text: "a" }, /connectionId/],
  ["sendMessage", { connectionId: 7, text: "a" }, /connectionId/],
  ["acknowledgeMessage", { ...c, messageId: "1" }, /messageId/],
  ["acknowledgeMessage", { ...c, messageId: 0 }, /messageId/],
  ["acknowledgeMessage", { ...c, messageId: 1.5 }, /messageId/],
  ["acknowledgeMessage", { ...c, messageId: 2 ** 53 }, /messageId/],
  ["setVerified", c, /verified/],
  ["setServers", {}, /servers/],
  ["setServers", { servers: "smp://AAAA@localhost" }, /servers/],
  ["subscribe", { connectionIds: [1] }, /connectionIds/],
  ["version", { verbose: true }, /verbose/],
]

describe("rpc.md: parameters are read by exact schemas (Q26)", () => {
  test.each(accepted)("%s takes %j", (method, params) => {
    expect(typeof readParams(method, params)).toBe("object")
  })

  test.each(refused)("%s refuses %j", (method, params, why) => {
    const result = readParams(method, params)
    expect(typeof result).toBe("string")
    expect(result).toMatch(why)
  })

  test("every method has an accepted row", () => {
    expect(new Set(accepted.map(([method]) => method))).toEqual(new Set(Object.keys(schemas)))
  })

  test("base64url is read with and without padding", () => {
    for (const infoBase64 of ["aGk", "aGk="])
      expect(readParams("joinConnection", { link: "l", infoBase64 })).toEqual({
        link: "l",
        infoBase64: new Uint8Array([104, 105]),
      })
  })

  test("no method is about keys, files or ciphers", () => {
    const names = JSON.stringify(
      Object.entries(schemas).map(([method, schema]) => [method, schemaKeys(schema)]),
    )
    expect(names).not.toMatch(/key|secret|path|file|cipher|algorithm/i)
  })
})

function schemaKeys(schema: unknown): readonly string[] {
  if (
    typeof schema === "object" &&
    schema !== null &&
    "entries" in schema &&
    typeof schema.entries === "object"
  )
    return Object.keys(schema.entries ?? {})
  return []
}
