import type { AgentApi } from "./agent-port.ts"

/** What a joiner without a server of its own is told: the server of the link then sees both directions. */
export async function replyServerNotice(agent: AgentApi): Promise<string | undefined> {
  const { servers } = await agent.getServers()
  return servers.length > 0
    ? undefined
    : "no --server is set: the answers come through the server of the link as well"
}
