import type { AgentEvent, ConnectionDescription, Integrity } from "../agent-port.ts"

type QueueDescription = ConnectionDescription["receiveQueues"][number]
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

/** That new keys took the place of the old ones: with them, the code that users compare is another one. */
export function newKeysText(newCode: string | undefined): string {
  const code = newCode === undefined ? "" : ` The code to compare is now ${newCode}`
  return `! The keys of this conversation were replaced, as after a restored backup: compare /code with the other side again.${code}`
}

/** How the keys of a conversation stand, and what to do. */
export function ratchetText(state: Exclude<ConnectionDescription["ratchet"], "ok">): string {
  switch (state) {
    case "allowed":
    case "required":
      return "! The keys do not fit any more, or the other side asks for new ones. Ask the other person by another way (a call, in person), then: /renew"
    case "started":
      return "! New keys were sent; the other side has not answered yet."
    case "agreed":
      return "! New keys are in use: compare /code with the other side again."
    default:
      return state satisfies never
  }
}

/** The queues of one direction: of two, the first is in use, and the second is where it moves to, or was. */
export function queuesText(queues: readonly QueueDescription[]): string {
  if (queues.length === 0) return "none yet"
  return queues
    .map(({ server, status }, index) => {
      if (index === 0) return server
      return status === "draining" ? `(${server} until it is empty)` : `(moving to ${server})`
    })
    .join(" ")
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
