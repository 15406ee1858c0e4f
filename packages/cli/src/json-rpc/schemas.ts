import { type Bytes, fromBase64Url } from "@smpkit/codec"
import * as v from "valibot"

// rpc.md, "Methods": exact schemas, an unknown or missing parameter is an error (security.md Q26).

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

/** The parameters of every method of rpc.md. */
export const schemas = {
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
} as const

export type MethodName = keyof typeof schemas
export type ParamsOf<M extends MethodName> = v.InferOutput<(typeof schemas)[M]>

/** Reads parameters; `undefined` stands for none given. A text says what is wrong with them. */
export function readParams<M extends MethodName>(method: M, params: unknown): ParamsOf<M> | string {
  const result = v.safeParse(schemas[method] as v.GenericSchema<unknown, ParamsOf<M>>, params ?? {})
  if (result.success) return result.output
  const [issue] = result.issues
  const path = v.getDotPath(issue)
  return path === null ? issue.message : `${path}: ${issue.message}`
}
