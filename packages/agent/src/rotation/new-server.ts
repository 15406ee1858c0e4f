import type { ServerAddress } from "@smpkit/smp"
import type { DuplexConnection } from "../connection.ts"
import type { Context } from "../context.ts"

/** Where a queue goes to that is to be moved: to a server that the connection does not use, else to another than that of the queue, else to the same. */
export function chooseNewServer(context: Context, c: DuplexConnection): ServerAddress {
  const [own, theirs] = [c.receive.server.hosts[0], c.send.info.server.hosts[0]]
  const { knownServers } = context
  const elsewhere = knownServers.filter(({ hosts }) => hosts[0] !== own)
  const unused = elsewhere.filter(({ hosts }) => hosts[0] !== theirs)
  const choice = [unused, elsewhere, knownServers].find(({ length }) => length > 0) ?? [c.receive.server]
  const [byte = 0] = context.random.bytes(1)
  const { hosts, port, keyHash } = choice[byte % choice.length] ?? c.receive.server
  return { hosts, port, keyHash }
}
