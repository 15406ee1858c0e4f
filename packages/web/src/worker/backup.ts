import type { AgentApi } from "./agent-port.ts"

/** All of a profile as one file, sealed with its passphrase (docs/decisions/009-moving-a-store.md). */
export async function backupOf(agent: Pick<AgentApi, "exportStore">): Promise<Blob> {
  const pieces: Uint8Array<ArrayBuffer>[] = []
  for await (const piece of agent.exportStore()) pieces.push(piece)
  return new Blob(pieces, { type: "application/octet-stream" })
}

/** Read as every browser can: not all of them iterate over a stream. */
export async function* piecesOf(file: Blob): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = file.stream().getReader()
  for (;;) {
    const { value } = await reader.read()
    if (value === undefined) return
    yield value
  }
}
