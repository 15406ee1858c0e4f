import { equalBytes } from "@smpkit/crypto"
import { sameServer, type ServerAddress } from "@smpkit/smp"
import type { Context } from "./context.ts"
import { AgentError } from "./errors.ts"
import { isTemporary } from "./failures.ts"
import { makeQueueKeys } from "./handshake.ts"
import type { NewQueue } from "./queues.ts"

/**
 * The known servers where a queue may be made, in a random order. Where some have no host and no key in common with any of `avoided`, only those: one server
 * that sees both directions can link them (security.md Q23), and an outage that somebody causes must not bring that about. Of several `avoided` the last
 * counts least. Without such a server one with another key at least, else any.
 */
export function* serversApart(
  { knownServers, random }: Context,
  avoided: readonly ServerAddress[] = [],
): Generator<ServerAddress, void, undefined> {
  const rest = [...apartFrom(knownServers, avoided)]
  while (rest.length > 0) {
    const [byte = 0] = random.bytes(1)
    const [server] = rest.splice(byte % rest.length, 1)
    if (server === undefined) return
    const { hosts, port, keyHash } = server
    yield { hosts, port, keyHash }
  }
}

function apartFrom(
  servers: readonly ServerAddress[],
  avoided: readonly ServerAddress[],
): readonly ServerAddress[] {
  for (const inCommon of [sharesHostOrKey, sharesKey]) {
    for (let count = avoided.length; count > 0; count--) {
      const apart = servers.filter((s) => !avoided.slice(0, count).some((other) => inCommon(s, other)))
      if (apart.length > 0) return apart
    }
  }
  return servers
}

function sharesKey(a: ServerAddress, b: ServerAddress): boolean {
  return equalBytes(a.keyHash, b.keyHash)
}

function sharesHostOrKey(a: ServerAddress, b: ServerAddress): boolean {
  return sharesKey(a, b) || a.hosts.some((host) => b.hosts.includes(host))
}

/**
 * Where to make a queue: on another server than `other`, the peer's, if there is one (agent-protocol.md, "Fast handshake", step 4); an agent that
 * was given none uses the peer's, which then sees both directions and is not *known* (Q17). Throws `AgentError NO_SERVER`.
 */
export function chooseServer(context: Context, other?: ServerAddress): ServerAddress {
  const [first = other] = serversApart(context, other === undefined ? [] : [other])
  if (first === undefined) {
    throw new AgentError("NO_SERVER", "The agent knows no server: set one with setServers or --server.")
  }
  const { hosts, port, keyHash } = first
  return { hosts, port, keyHash }
}

/**
 * Makes a queue where it was planned, and where that server cannot be reached, on the others one after another; each gets keys of its own, as a NEW whose
 * answer was lost may have made a queue. `attempt` stores keys that are new to it before it uses them. Throws what the last attempt threw.
 */
export async function onReachableServer<T>(
  context: Context,
  planned: NewQueue,
  {
    avoided = [],
    suits = () => true,
  }: {
    readonly avoided?: readonly ServerAddress[]
    /** Whether a queue there can be told to the other side. */
    readonly suits?: (keys: NewQueue) => boolean
  },
  attempt: (keys: NewQueue) => Promise<T>,
): Promise<T> {
  let failure: unknown
  try {
    return await attempt(planned)
  } catch (error) {
    failure = error
  }
  for (const server of serversApart(context, avoided)) {
    if (!isTemporary(failure) || context.closing.signal.aborted) break
    if (sameServer(server, planned.server)) continue
    const keys = makeQueueKeys(server, context.random)
    if (!suits(keys)) continue
    try {
      return await attempt(keys)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
