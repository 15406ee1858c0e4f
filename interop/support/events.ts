import { toHex } from "@smpkit/codec"
import type { AgentEvent } from "@smpkit/agent"
import type { Vector } from "@smpkit/testkit"
import type { Recording } from "./recording.ts"

/** An event of ours in the form in which recorded ones are compared. Numbers of the application are our own; a replay maps them. */
export function describeEvent(event: AgentEvent): object {
  switch (event.type) {
    case "confirmation":
    case "contactRequest": {
      const { type, connectionId, info, postQuantum, servers } = event
      return { type, connectionId, info: toHex(info), postQuantum, servers }
    }
    case "info":
      return { ...event, info: toHex(event.info) }
    case "message": {
      const { type, connectionId, body, integrity, brokerTime, postQuantum, redelivered } = event
      return {
        type,
        connectionId,
        body: toHex(body),
        integrity: integrity.type,
        time: brokerTime.getTime(),
        postQuantum,
        redelivered,
      }
    }
    case "sent": {
      const { type, connectionId, messageId } = event
      return { type, connectionId, messageId }
    }
    case "failed": {
      const { type, connectionId, messageId, code } = event
      return { type, connectionId, messageId, code }
    }
    case "error": {
      const { type, connectionId, code } = event
      return { type, connectionId, code }
    }
    case "closed": {
      const { type, connectionId, code } = event
      return { type, connectionId, code }
    }
    case "serverUp":
    case "serverDown":
      return { ...event, connectionIds: [...event.connectionIds].sort() }
    case "connected":
    case "delivered":
    case "ratchetSync":
    case "postQuantumChanged":
      return event
    case "queueSwitched": {
      // The recordings keep no more of it.
      const { type, connectionId } = event
      return { type, connectionId }
    }
    default:
      return event satisfies never
  }
}

type MessageIds = (conn: string, msgId: number) => number | undefined

/** The recorded events of an agent between two steps, as ours would be. */
export function expectedEvents(
  recording: Recording,
  { agent, from, to }: { readonly agent: string; readonly from: number; readonly to: number },
  messageId: MessageIds,
): readonly object[] {
  return recording.steps
    .slice(from + 1, to + 1)
    .filter((step) => step.find("agent")?.text() === agent)
    .flatMap((step) => step.find("event") ?? [])
    .flatMap((event) => eventsOf(event, messageId))
}

function eventsOf(event: Vector, messageId: MessageIds): readonly object[] {
  const connectionId = event.find("conn")?.text() ?? ""
  const ours = (from: Vector): number | undefined => messageId(connectionId, from.at("msgId").number())
  const postQuantum = event.find("pqSupport")?.boolean() ?? event.find("pq")?.boolean() ?? false
  switch (event.find("ev")?.text() ?? event.find("resp")?.text()) {
    case "REQ":
    case "CONF": {
      const servers = event
        .at("servers")
        .items()
        .map((one) => one.text())
      return [
        {
          type: event.has("invId") ? "contactRequest" : "confirmation",
          connectionId,
          info: toHex(event.at("info").utf8()),
          postQuantum,
          servers,
        },
      ]
    }
    case "INFO":
      return [{ type: "info", connectionId, info: toHex(event.at("info").utf8()) }]
    case "CON":
      return [{ type: "connected", connectionId, postQuantum: event.at("pq").boolean() }]
    case "MSG": {
      const integrity = event.at("integrity").text() === "MsgOk" ? "ok" : "not ok"
      const time = Date.parse(event.at("brokerTs").text())
      const body = toHex(event.at("body").utf8())
      return [{ type: "message", connectionId, body, integrity, time, postQuantum, redelivered: false }]
    }
    case "SENT":
      return [{ type: "sent", connectionId, messageId: ours(event) }]
    case "RCVD":
      return event
        .at("receipts")
        .items()
        .map((receipt) => ({
          type: "delivered",
          connectionId,
          messageId: ours(receipt),
          hashOk: receipt.at("status").text() === "MROk",
        }))
    case "MERR":
      return [
        {
          type: "failed",
          connectionId,
          messageId: ours(event),
          code: event.at("error").text().endsWith("AUTH}") ? "AUTH" : "?",
        },
      ]
    case "END":
      return [{ type: "error", connectionId, code: "QUEUE_TAKEN_OVER" }]
    case "del":
      return [{ type: "closed", connectionId, code: "DELETED" }]
    // What answers `switch` is the first phase.
    case "SWITCH":
    case "switch":
      return [{ type: "queueSwitched", connectionId }]
    case "UP":
    case "DOWN": {
      const connectionIds = event
        .at("conns")
        .items()
        .map((one) => one.text())
        .sort()
      return [
        {
          type: event.at("ev").text() === "UP" ? "serverUp" : "serverDown",
          server: event.at("server").text(),
          connectionIds,
        },
      ]
    }
    default:
      // CONNECT, DISCONNECT, MWARN, QCONT and what answers a call: nothing that our events tell.
      return []
  }
}
