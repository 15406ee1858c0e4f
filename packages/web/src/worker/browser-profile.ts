import {
  deleteProfile as deleteAgentProfile,
  importProfile,
  listProfiles,
  openProfile as openAgentProfile,
} from "@smpkit/agent/browser"
import type { OpenProfile, RestoreProfile } from "./agent-port.ts"
import { piecesOf } from "./backup.ts"

/** Profiles of one origin are told apart by the path that the page is served from: behind one name can be several servers. */
function profileName(base: string): string {
  return new URL(base).pathname
}

export async function profileExists(base: string): Promise<boolean> {
  return (await listProfiles()).includes(profileName(base))
}

export async function deleteProfile(base: string): Promise<void> {
  await deleteAgentProfile(profileName(base))
}

export const restoreProfile: RestoreProfile = async ({ base, file, passphrase }) => {
  await importProfile({ name: profileName(base), source: piecesOf(file), passphrase })
}

/** Opens the agent of this page: its store in IndexedDB, its servers through the page's own origin. */
export const openProfile: OpenProfile = async ({ base, passphrase, allowEmptyPassphrase, servers }) => {
  const endpoint = new URL("smp", base)
  endpoint.protocol = endpoint.protocol === "http:" ? "ws:" : "wss:"
  const { agent, store } = await openAgentProfile({
    name: profileName(base),
    passphrase,
    allowEmptyPassphrase,
    endpoint: endpoint.href,
    servers,
  })
  return { agent, records: store }
}
