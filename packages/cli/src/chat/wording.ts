import type { AgentEvent, Integrity } from "../agent-port.ts"

type EventOf<T extends AgentEvent["type"]> = Extract<AgentEvent, { readonly type: T }>

/** What a message's integrity result tells the user; `undefined` when all is well. */
export function integrityWarning(integrity: Integrity): string | undefined {
  switch (integrity.type) {
    case "ok":
      return undefined
    case "skipped":
      return `messages are missing before this one (${integrity.to - integrity.from + 1}): ask for them again`
    case "duplicate":
      return "this message came twice"
    case "badId":
      return "this message is out of order"
    case "badHash":
      return "this message does not follow the one before: some were lost or changed on the way"
    default:
      return integrity satisfies never
  }
}

const closedTexts: Readonly<Partial<Record<EventOf<"closed">["code"], string>>> = {
  NOT_AUTHENTIC:
    "whoever answered does not have the keys of the invitation. Somebody may have read it on its way. " +
    "Tell the other person by another way (a call, in person), and use a new invitation.",
  NO_ANSWER:
    "no answer came. The invitation may have been read and used by somebody else. " +
    "Tell the other person by another way (a call, in person), and use a new invitation.",
  LINK_ALREADY_USED:
    "this invitation was used before. If it was not you, somebody else has read it: " +
    "tell the other person by another way, and use a new invitation.",
}

/** What the end of a connection means and what to do (design §2, N3). */
export function closedText({ code, message }: EventOf<"closed">): string {
  return `closed: ${closedTexts[code] ?? message}`
}

/** What an error event means to the user. */
export function errorText({ code, message }: EventOf<"error">): string {
  if (code !== "SECOND_CONFIRMATION") return message
  return (
    "a second answer to the same invitation came: somebody else has read it. " +
    "Compare /code with the other person by another way before you trust this conversation."
  )
}

/** That messages go by another server from now on. */
export function switchedText({ direction, server }: EventOf<"queueSwitched">): string {
  return direction === "receive"
    ? `Messages to you come by ${server} now.`
    : `Messages from you go by ${server} now.`
}

/** How a conversation stands with post-quantum encryption. The code that users compare does not cover it. */
export function postQuantumText({
  sending,
  receiving,
}: {
  readonly sending: boolean
  readonly receiving: boolean
}): string {
  const hybrid = (on: boolean): string => (on ? "post-quantum" : "not post-quantum")
  return `sending: ${hybrid(sending)}; receiving: ${hybrid(receiving)}`
}
