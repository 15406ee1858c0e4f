import type { AgentEvent } from "@smpkit/agent"
import { utf8 } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import { eventJson } from "../../src/json-rpc/json-values.ts"
import { call } from "../../src/json-rpc/methods.ts"
import { type MethodName, readParams, schemas } from "../../src/json-rpc/schemas.ts"
import { FakeAgent } from "../fake-agent.ts"

// The tables "Methods" and "Events" of rpc.md, name by name. Parameters and members that may be missing end in `?`. Not from there are
// getLink, setLinkData and deleteShortLink, for a link that was given out already: the TypeScript agent's own.

type Row = readonly [params: string, result: string]

const state = "connectionId mode status verified postQuantum receiveQueues sendQueues ratchet unsent"
const methods: Readonly<Record<MethodName, Row>> = {
  createConnection: ["mode postQuantum? short? userDataBase64?", "connectionId link shortLink?"],
  joinConnection: ["link infoBase64? postQuantum?", "connectionId"],
  getLink: ["connectionId", "link shortLink?"],
  setLinkData: ["connectionId userDataBase64", "shortLink"],
  deleteShortLink: ["connectionId", ""],
  allowConnection: ["connectionId confirmationId infoBase64?", ""],
  acceptContact: ["connectionId requestId infoBase64?", "connectionId"],
  rejectContact: ["connectionId requestId", ""],
  // One of the two.
  sendMessage: ["connectionId text? bodyBase64?", "messageId"],
  acknowledgeMessage: ["connectionId messageId receipt?", ""],
  switchQueue: ["connectionId server?", ""],
  synchronizeRatchet: ["connectionId force?", ""],
  securityCode: ["connectionId", "code postQuantum"],
  setVerified: ["connectionId verified", ""],
  connectionState: ["connectionId", state],
  listConnections: ["", "connections"],
  deleteConnection: ["connectionId waitForDelivery?", ""],
  getServers: ["", "servers"],
  setServers: ["servers", "servers"],
  subscribe: ["connectionIds?", ""],
  unsubscribe: ["connectionIds?", ""],
  version: ["", "smpkit smp agent e2e"],
}

const examples: Readonly<Record<string, unknown>> = {
  connectionId: "c1",
  mode: "contact",
  postQuantum: "required",
  short: true,
  userDataBase64: "aGk",
  link: "simplex:/invitation#/?v=2-7",
  infoBase64: "aGk",
  confirmationId: "f1",
  requestId: "r1",
  text: "hello",
  bodyBase64: "aGk",
  messageId: 1,
  receipt: false,
  server: "smp://AAAA@localhost",
  force: true,
  verified: true,
  waitForDelivery: true,
  servers: ["smp://AAAA@localhost"],
  connectionIds: ["c1"],
}

interface Fields {
  readonly required: readonly string[]
  readonly optional: readonly string[]
}

function fieldsOf(text: string): Fields {
  const names = text.split(" ").filter((name) => name !== "")
  return {
    required: names.filter((name) => !name.endsWith("?")),
    optional: names.filter((name) => name.endsWith("?")).map((name) => name.slice(0, -1)),
  }
}

const chosen = (names: readonly string[]): object =>
  Object.fromEntries(names.map((name) => [name, examples[name]]))

function expectFields(value: object, text: string): void {
  const { required, optional } = fieldsOf(text)
  expect(Object.keys(value)).toEqual(expect.arrayContaining([...required]))
  for (const name of Object.keys(value)) expect([...required, ...optional]).toContain(name)
}

describe("the methods of rpc.md", () => {
  const rows = Object.entries(methods) as [MethodName, Row][]

  test("are all there, and no other", () => {
    expect(Object.keys(schemas).sort()).toEqual(Object.keys(methods).sort())
  })

  test.each(rows)("%s has its parameters and no other", (method, [params]) => {
    const { required, optional } = fieldsOf(params)
    const isMessage = method === "sendMessage"
    const least = isMessage ? [...required, "text"] : required
    const most = isMessage ? [...required, "bodyBase64"] : [...required, ...optional]
    for (const names of [least, most]) expect(readParams(method, chosen(names))).toBeTypeOf("object")
    for (const name of required)
      expect(readParams(method, chosen(most.filter((other) => other !== name)))).toContain(name)
    for (const name of Object.keys(examples).filter((other) => !params.includes(other)))
      expect(readParams(method, chosen([...least, name]))).toContain(name)
  })

  test.each(rows)("%s has its result", async (method, [params, result]) => {
    const agent = new FakeAgent()
    const names = method === "sendMessage" ? ["connectionId", "text"] : fieldsOf(params).required
    const answer = await call({ agent, release: "0.1.0" }, method, chosen(names))
    expect(answer).toBeTypeOf("object")
    expectFields(answer as object, result)
    expect(agent.calls.map((one) => one.method)).toEqual([method])
  })
})

const info = utf8("hi")
const of = { connectionId: "c1" } as const
const server = "smp://AAAA@localhost"

/** Of each type one with all that it can have, and what rpc.md lists for it. */
const events: { readonly [T in AgentEvent["type"]]: readonly [AgentEvent & { readonly type: T }, string] } = {
  confirmation: [
    { type: "confirmation", ...of, confirmationId: "f1", info, postQuantum: true, servers: [server] },
    "connectionId confirmationId infoBase64 postQuantum servers",
  ],
  contactRequest: [
    { type: "contactRequest", ...of, requestId: "r1", info, postQuantum: true, servers: [server] },
    "connectionId requestId infoBase64 postQuantum servers",
  ],
  info: [{ type: "info", ...of, info }, "connectionId infoBase64"],
  connected: [{ type: "connected", ...of, postQuantum: true }, "connectionId postQuantum"],
  message: [
    {
      type: "message",
      ...of,
      messageId: 1,
      body: info,
      text: "hi",
      brokerTime: new Date(0),
      integrity: { type: "ok" },
      postQuantum: true,
      redelivered: true,
    },
    "connectionId messageId bodyBase64 text? sentTime? brokerTime integrity postQuantum redelivered?",
  ],
  sent: [{ type: "sent", ...of, messageId: 1, server }, "connectionId messageId server proxy?"],
  delivered: [{ type: "delivered", ...of, messageId: 1, hashOk: true }, "connectionId messageId hashOk"],
  failed: [
    { type: "failed", ...of, messageId: 1, code: "EXPIRED", message: "too late", server },
    "connectionId messageId code message server",
  ],
  queueSwitched: [
    { type: "queueSwitched", ...of, direction: "send", phase: "started", server },
    "connectionId direction phase server",
  ],
  ratchetSync: [
    { type: "ratchetSync", ...of, state: "agreed", oldCode: "1", newCode: "2" },
    "connectionId state oldCode? newCode?",
  ],
  postQuantumChanged: [
    { type: "postQuantumChanged", ...of, sending: true, receiving: false },
    "connectionId sending receiving",
  ],
  serverUp: [{ type: "serverUp", server, connectionIds: ["c1"] }, "server connectionIds"],
  serverDown: [{ type: "serverDown", server, connectionIds: ["c1"] }, "server connectionIds"],
  closed: [{ type: "closed", ...of, code: "DELETED", message: "gone" }, "connectionId code message"],
  error: [{ type: "error", ...of, code: "AUTH", message: "no", server }, "connectionId code message server?"],
}

describe("the events of rpc.md", () => {
  test.each(Object.entries(events))("%s has its members and no other", (type, [event, members]) => {
    const json = JSON.parse(JSON.stringify(eventJson(event))) as object
    expectFields(json, `type ${members}`)
    expect(json).toMatchObject({ type })
    if (type === "message")
      expect(json).toMatchObject({ brokerTime: "1970-01-01T00:00:00.000Z", bodyBase64: "aGk" })
  })

  test("an error of no connection, and a message that came for the first time, leave out what they do not have", () => {
    const error = {
      type: "error",
      connectionId: undefined,
      code: "NETWORK",
      message: "no",
      server: undefined,
    } as const
    expect(JSON.parse(JSON.stringify(eventJson(error)))).toEqual({
      type: "error",
      code: "NETWORK",
      message: "no",
    })
    const [message] = events.message
    const json = eventJson({ ...message, text: undefined, redelivered: false })
    expect(Object.keys(json)).not.toContain("text")
    expect(Object.keys(json)).not.toContain("redelivered")
  })
})
