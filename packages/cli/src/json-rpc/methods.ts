import { utf8 } from "@smpkit/codec"
import type { AgentApi } from "../agent-port.ts"
import { connectionJson } from "./json-values.ts"
import { RpcError, rpcCodes } from "./request.ts"
import { type MethodName, type Params, readParams, schemas } from "./schemas.ts"

interface Callee {
  readonly agent: AgentApi
  /** Of this release, for `version`. */
  readonly release: string
}

type Methods = { readonly [M in MethodName]: (callee: Callee, params: Params[M]) => Promise<unknown> }

const done = {}

const methods: Methods = {
  createConnection: ({ agent }, { userDataBase64, ...params }) =>
    agent.createConnection({ ...params, ...given("userData", userDataBase64) }),
  joinConnection: ({ agent }, { infoBase64, ...params }) =>
    agent.joinConnection({ ...params, ...given("info", infoBase64) }),
  getLink: ({ agent }, params) => agent.getLink(params),
  setLinkData: ({ agent }, { connectionId, userDataBase64 }) =>
    agent.setLinkData({ connectionId, userData: userDataBase64 }),
  deleteShortLink: async ({ agent }, params) => {
    await agent.deleteShortLink(params)
    return done
  },
  allowConnection: async ({ agent }, { infoBase64, ...params }) => {
    await agent.allowConnection({ ...params, ...given("info", infoBase64) })
    return done
  },
  acceptContact: ({ agent }, { infoBase64, ...params }) =>
    agent.acceptContact({ ...params, ...given("info", infoBase64) }),
  rejectContact: async ({ agent }, params) => {
    await agent.rejectContact(params)
    return done
  },
  sendMessage: async ({ agent }, { connectionId, text, bodyBase64 }) => {
    const { messageId } = await agent.sendMessage({ connectionId, body: bodyBase64 ?? utf8(text ?? "") })
    return { messageId }
  },
  acknowledgeMessage: async ({ agent }, params) => {
    await agent.acknowledgeMessage({ receipt: true, ...params })
    return done
  },
  switchQueue: async ({ agent }, params) => {
    await agent.switchQueue(params)
    return done
  },
  synchronizeRatchet: async ({ agent }, params) => {
    await agent.synchronizeRatchet(params)
    return done
  },
  securityCode: ({ agent }, params) => agent.securityCode(params),
  setVerified: async ({ agent }, params) => {
    await agent.setVerified(params)
    return done
  },
  connectionState: async ({ agent }, params) => connectionJson(await agent.connectionState(params)),
  listConnections: async ({ agent }) => {
    const { connections } = await agent.listConnections()
    return { connections: connections.map(connectionJson) }
  },
  deleteConnection: async ({ agent }, params) => {
    await agent.deleteConnection(params)
    return done
  },
  getServers: ({ agent }) => agent.getServers(),
  setServers: ({ agent }, params) => agent.setServers(params),
  subscribe: async ({ agent }, params) => {
    await agent.subscribe(params)
    return done
  },
  unsubscribe: async ({ agent }, params) => {
    await agent.unsubscribe(params)
    return done
  },
  version: async ({ agent, release }) => ({ smpkit: release, ...(await agent.version()) }),
}

/**
 * Carries out one request; the agent's method is entered before this returns, so that requests keep their order.
 * Rejects with `RpcError` for an unknown method and bad parameters, and with what the agent throws.
 */
export function call(callee: Callee, method: string, params: unknown): Promise<unknown> {
  if (!isMethod(method))
    return Promise.reject(
      new RpcError(rpcCodes.unknownMethod, `no method ${JSON.stringify(method.slice(0, 64))}`),
    )
  return enter(callee, method, methods[method], params)
}

function enter<M extends MethodName>(
  callee: Callee,
  method: M,
  carryOut: Methods[M],
  params: unknown,
): Promise<unknown> {
  const read = readParams(method, params)
  if (typeof read === "string") return Promise.reject(new RpcError(rpcCodes.badParams, `${method}: ${read}`))
  return carryOut(callee, read)
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(schemas, name)
}

function given<K extends string, T>(name: K, value: T | undefined): { readonly [P in K]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: T }
}
