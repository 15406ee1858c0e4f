import { type Bytes, fromBase64Url } from "@smpkit/codec"
import * as v from "valibot"

// rpc.md, "Methods": exact schemas, an unknown or missing parameter is an error (security.md Q26). It has no words for a link that was
// given out already: those methods are the TypeScript agent's own.

interface OfConnection {
  readonly connectionId: string
}
interface None {
  readonly [name: string]: never
}
type PostQuantum = "off" | "on" | "required"

/** The parameters of every method; bytes are decoded. */
export interface Params {
  readonly createConnection: {
    readonly mode: "invitation" | "contact"
    readonly postQuantum?: PostQuantum
    readonly short?: boolean
    readonly userDataBase64?: Bytes
  }
  readonly joinConnection: {
    readonly link: string
    readonly infoBase64?: Bytes
    readonly postQuantum?: PostQuantum
  }
  readonly getLink: OfConnection
  readonly setLinkData: OfConnection & { readonly userDataBase64: Bytes }
  readonly deleteShortLink: OfConnection
  readonly allowConnection: OfConnection & { readonly confirmationId: string; readonly infoBase64?: Bytes }
  readonly acceptContact: OfConnection & { readonly requestId: string; readonly infoBase64?: Bytes }
  readonly rejectContact: OfConnection & { readonly requestId: string }
  readonly sendMessage: OfConnection & { readonly text?: string; readonly bodyBase64?: Bytes }
  readonly acknowledgeMessage: OfConnection & { readonly messageId: number; readonly receipt?: boolean }
  readonly switchQueue: OfConnection & { readonly server?: string }
  readonly synchronizeRatchet: OfConnection & { readonly force?: boolean }
  readonly securityCode: OfConnection
  readonly setVerified: OfConnection & { readonly verified: boolean }
  readonly connectionState: OfConnection
  readonly listConnections: None
  readonly deleteConnection: OfConnection & { readonly waitForDelivery?: boolean }
  readonly getServers: None
  readonly setServers: { readonly servers: readonly string[] }
  readonly subscribe: { readonly connectionIds?: readonly string[] }
  readonly unsubscribe: { readonly connectionIds?: readonly string[] }
  readonly version: None
}

export type MethodName = keyof Params

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const link = v.pipe(v.string(), v.minLength(1), v.maxLength(16_384))
const server = v.pipe(v.string(), v.minLength(1), v.maxLength(1024))
const messageId = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const postQuantum = v.exactOptional(v.picklist(["off", "on", "required"]))

/** Base64url with or without padding. */
const base64 = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): Bytes => {
    try {
      return fromBase64Url(dataset.value)
    } catch {
      addIssue({ message: "must be base64url" })
      return NEVER
    }
  }),
)

/** Text that has exactly one UTF-8 form. */
const text = v.pipe(
  v.string(),
  v.check((s) => !/\p{Surrogate}/u.test(s), "must be well-formed Unicode"),
)

const ofConnection = v.strictObject({ connectionId: id })
const nothing = v.strictObject({})
const connectionIds = v.strictObject({ connectionIds: v.exactOptional(v.array(id)) })

/** How the parameters of every method are read. */
export const schemas: { readonly [M in MethodName]: v.GenericSchema<unknown, Params[M]> } = {
  createConnection: v.pipe(
    v.strictObject({
      mode: v.picklist(["invitation", "contact"]),
      postQuantum,
      short: v.exactOptional(v.boolean()),
      userDataBase64: v.exactOptional(base64),
    }),
    v.check(
      (p) => p.userDataBase64 === undefined || p.short === true,
      "userDataBase64 goes with short: true",
    ),
  ),
  joinConnection: v.strictObject({ link, infoBase64: v.exactOptional(base64), postQuantum }),
  getLink: ofConnection,
  setLinkData: v.strictObject({ connectionId: id, userDataBase64: base64 }),
  deleteShortLink: ofConnection,
  allowConnection: v.strictObject({
    connectionId: id,
    confirmationId: id,
    infoBase64: v.exactOptional(base64),
  }),
  acceptContact: v.strictObject({ connectionId: id, requestId: id, infoBase64: v.exactOptional(base64) }),
  rejectContact: v.strictObject({ connectionId: id, requestId: id }),
  sendMessage: v.pipe(
    v.strictObject({ connectionId: id, text: v.exactOptional(text), bodyBase64: v.exactOptional(base64) }),
    v.check(
      (p) => (p.text === undefined) !== (p.bodyBase64 === undefined),
      "give one of text and bodyBase64",
    ),
  ),
  acknowledgeMessage: v.strictObject({ connectionId: id, messageId, receipt: v.exactOptional(v.boolean()) }),
  switchQueue: v.strictObject({ connectionId: id, server: v.exactOptional(server) }),
  synchronizeRatchet: v.strictObject({ connectionId: id, force: v.exactOptional(v.boolean()) }),
  securityCode: ofConnection,
  setVerified: v.strictObject({ connectionId: id, verified: v.boolean() }),
  connectionState: ofConnection,
  listConnections: nothing,
  deleteConnection: v.strictObject({ connectionId: id, waitForDelivery: v.exactOptional(v.boolean()) }),
  getServers: nothing,
  setServers: v.strictObject({ servers: v.array(server) }),
  subscribe: connectionIds,
  unsubscribe: connectionIds,
  version: nothing,
}

/** Reads parameters; `undefined` stands for none given. A text says what is wrong with them. */
export function readParams<M extends MethodName>(method: M, params: unknown): Params[M] | string {
  const result = v.safeParse(schemas[method], params ?? {})
  if (result.success) return result.output
  const [issue] = result.issues
  const path = v.getDotPath(issue)
  return path === null ? issue.message : `${path}: ${issue.message}`
}
