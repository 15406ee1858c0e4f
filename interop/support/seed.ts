import { type Bytes, toHex } from "@smpkit/codec"
import { type Random, sha256 } from "@smpkit/crypto"
import { memoryRawStore, type SealedStore, type StoreTx } from "@smpkit/agent"
import { seededRandom } from "@smpkit/testkit"
import type { Connection, ConnectionCommon, ConnectionState } from "../../packages/agent/src/connection.ts"
import { putRecord, tables } from "../../packages/agent/src/records.ts"
import { noResync } from "../../packages/agent/src/resynchronize/state.ts"
import { openSealedStore } from "../../packages/agent/src/store/sealed.ts"
import type { Party, Recording } from "./recording.ts"

/** A sealed store with the records of recorded connections, as an agent of ours would have left it. */
export async function seededStore(
  recording: Recording,
  parties: readonly Party[],
  random: Random,
  also?: (tx: StoreTx) => void,
): Promise<SealedStore> {
  const store = await openSealedStore(
    memoryRawStore(),
    { passphrase: "recorded", random },
    (passphrase, salt) => sha256(passphrase, salt),
  )
  await store.update((tx) => {
    also?.(tx)
    for (const party of parties) {
      putRecord(tx, tables.connection, party.conn, connectionOf(recording, party))
      if (party.session !== undefined) putRecord(tx, tables.session, party.conn, party.session)
    }
  })
  return store
}

function connectionOf(recording: Recording, party: Party): Connection {
  const isJoiner = recording.x3dhOf(party.conn) === undefined && party.receive?.mode !== "contact"
  return {
    ...startOf(party.conn, isJoiner ? "joiner" : "initiator"),
    postQuantum: recording.isPostQuantum(party.conn) ? "on" : "off",
    ...stateOf(party),
  }
}

/** What a connection has in every state. */
export function startOf(id: string, role: Connection["role"]): ConnectionCommon {
  return {
    id,
    created: Date.UTC(2026, 0, 1),
    role,
    agentVersion: 7,
    postQuantum: "off",
    verified: false,
    receipts: false,
    ratchetSync: "ok",
    failures: 0,
    peerKeys: undefined,
    sendLocked: false,
    leaving: false,
    resync: noResync,
  }
}

function stateOf({ conn, receive, send, x3dh, session }: Party): ConnectionState {
  if (receive === undefined) throw new Error(`${conn} has no queue`)
  if (receive.mode === "contact") return { state: "address", receive }
  if (x3dh !== undefined) return { state: "invited", receive, x3dh }
  if (send === undefined || session === undefined) throw new Error(`${conn} is between two states`)
  return { state: session.lastReceivedId === 0 ? "joined" : "connected", receive, send }
}

/** Gives the ratchet keys that the recorded agents made after a step, in their order, and what is in `queueKeys` at the moment; anything else comes from a seed. */
export function recordedRandom(
  recording: Recording,
  parties: readonly Party[],
  queueKeys: (Bytes | undefined)[],
): Random {
  const keys: (Bytes | undefined)[] = parties.flatMap(({ conn, session }) => {
    const current = session?.ratchet.keyPair.privateKey.use(toHex)
    const all = recording.ratchetKeys(conn)
    return all.slice(all.findIndex((key) => toHex(key) === current) + 1)
  })
  const others = seededRandom(recording.name)
  // X448 keys are the only 56 bytes that an agent asks for.
  const lists = new Map([
    [56, keys],
    [32, queueKeys],
  ])
  return { bytes: (length) => lists.get(length)?.shift()?.slice() ?? others.bytes(length) }
}
