import type { Command } from "./commands.ts"
import type { ProtocolError } from "./protocol-error.ts"

/**
 * The error for a command whose authorization or entity is missing or should not be there, before any queue is looked up
 * (smp-commands.md, "Order of checks in the server", step 6).
 */
export function credentialError(
  type: Command["type"],
  { authorized, entity }: { readonly authorized: boolean; readonly entity: boolean },
): ProtocolError | undefined {
  switch (type) {
    case "NEW":
      if (!authorized) return { type: "CMD", reason: "NO_AUTH" }
      return entity ? { type: "CMD", reason: "HAS_AUTH" } : undefined
    case "SEND":
      return entity ? undefined : { type: "CMD", reason: "NO_ENTITY" }
    case "LGET":
    case "PFWD":
      if (!entity) return { type: "CMD", reason: "NO_ENTITY" }
      return authorized ? { type: "CMD", reason: "HAS_AUTH" } : undefined
    case "PING":
    case "PRXY":
    case "RFWD":
      return authorized || entity ? { type: "CMD", reason: "HAS_AUTH" } : undefined
    case "SUB":
    case "KEY":
    case "RKEY":
    case "LSET":
    case "LDEL":
    case "NKEY":
    case "NDEL":
    case "GET":
    case "ACK":
    case "OFF":
    case "DEL":
    case "QUE":
    case "SUBS":
    case "SKEY":
    case "LKEY":
    case "NSUB":
    case "NSUBS":
      return authorized && entity ? undefined : { type: "CMD", reason: "NO_AUTH" }
    default:
      return type satisfies never
  }
}
