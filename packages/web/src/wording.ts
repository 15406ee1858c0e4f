import type {
  ChatMessage,
  Conversation,
  ConversationStatus,
  Notice,
  NoticeKind,
  Problem,
  SendState,
} from "./protocol.ts"

const anotherWay = "Tell the other person by another way, a call or in person, and make a new invitation."

/** Plain sentences by code: what happened, and what to do. `host` stands for the server concerned. */
const sentences: Readonly<Record<string, (host: string) => string>> = {
  NO_LINK: () =>
    "There is no invitation in this. An invitation begins with simplex:/invitation. Ask for it again, and copy all of it.",
  NO_QR: () =>
    "There is no QR code to be found in this picture. Take it again, closer and from straight above.",
  LINK: () =>
    "This invitation is not complete, or was changed on its way. Ask for it again, and copy all of it.",
  A_VERSION: () =>
    "This invitation was made by a newer program than this page. Reload the page; if that does not help, whoever runs its server has to update it.",
  A_LINK: () =>
    "What the server keeps for this invitation does not belong to it. Somebody may stand between: ask the other person for another invitation, by another way.",
  SERVER_VERSION: (host) =>
    `The server ${host} and this page have no version in common. Reload the page; if that does not help, whoever runs the server has to update it.`,
  LINK_ALREADY_USED: () =>
    `This invitation was used before; each one works once. Ask for a new one. If it was not you who used it, somebody else has read it: tell the other person.`,
  SERVER_ELSEWHERE: (host) =>
    `This invitation was made on another server, ${host}. This page can reach only the server that it comes from. Open the chat page of ${host}, or make an invitation here and send it to the other person.`,
  NETWORK: (host) =>
    `The server ${host} cannot be reached. Check that this device is online, then try again.`,
  TIMEOUT: (host) => `The server ${host} does not answer. Try again in a moment.`,
  NOT_SUPPORTED: () =>
    "The other side asks for something that this page cannot do yet. Ask for a one-time invitation instead.",
  NO_SERVER_LIST: () =>
    "The server of this page cannot be reached. Check that this device is online, then try again.",
  NO_SERVER: () =>
    "The server of this page cannot be reached. Check that this device is online, then try again.",
  AUTH: (host) =>
    `The server ${host} does not know this conversation any more. Make a new invitation for the other person.`,
  QUOTA: () => "The other person has not read for a while; the message waits until there is room.",
  EXPIRED: () =>
    "The server could not be reached in all the time that a message may wait, so it was not sent.",
  OTHER_CONTENT: () =>
    "It arrived, but not as it was sent. Somebody may stand between: compare the security code.",
  LARGE: () => "This is longer than one message may be. Send it in parts.",
  NOT_CONNECTED: () => "The other person has not answered yet. Write when the conversation is connected.",
  SEND_LOCKED: () =>
    "This profile came back from a copy, so its old keys may not be used again. Exchange new keys with the other person, then compare the security code.",
  BEGUN_BEFORE_COPY: () =>
    "This profile came back from a backup that was saved while this conversation began, so it cannot go on. Begin again with a new invitation.",
  DELETED: () => "This conversation was deleted on the other side. Make a new invitation to begin again.",
  NOT_AUTHENTIC: () =>
    `Whoever answered does not have the keys of the invitation: somebody may have read it on its way. ${anotherWay}`,
  NO_ANSWER: () => `No answer came. Somebody else may have read and used the invitation. ${anotherWay}`,
  SECOND_CONFIRMATION: () =>
    "A second answer to your invitation came: somebody else has read it. Compare the security code by another way before you trust this conversation.",
  QUEUE_TAKEN_OVER: () =>
    "Another program receives the messages of this conversation. Is a copy of this profile in use elsewhere?",
  QUEUE_DELETED: () => "The server has deleted this conversation. Make a new invitation to begin again.",
  A_CRYPTO: () => "A message could not be decrypted and is lost. Ask the other person to send it again.",
  OUT_OF_STEP: () =>
    "What the other person sends cannot be read any more, as after a restored backup. Exchange new keys, then compare the security code.",
  KEYS_ASKED: () =>
    "The keys no longer fit, or the other person’s program asks for new ones, as after a restored backup. Ask the person by another way, a call or in person; then exchange new keys.",
  NEW_KEYS: () =>
    "The keys of this conversation were replaced, as after a restored backup. The security code is another one now: compare it again.",
  POST_QUANTUM_OFF: () => "What you send here is not protected against future quantum computers any more.",
  PROHIBITED: () => "This conversation is being moved already, or was a moment ago. Try again later.",
  A_MESSAGE: () => "Something came that is no message. The other person may use a newer program.",
  A_PROHIBITED: () => "Something came that does not belong here, and was ignored.",
  A_INTEGRITY: () =>
    "Something that the other person’s program sent is missing, or came out of order. Ask the person whether you have got everything.",
  A_QUEUE: () =>
    "The other side tried to move this conversation to another server in a way that is not accepted. It stays where it is.",
  SWITCH_FAILED: () => "The conversation could not be moved. It stays where it is; try again later.",
  WRONG_PASSPHRASE: () =>
    "This is not the passphrase. Look at caps lock and the keyboard's language, and try again.",
  EMPTY_PASSPHRASE: () => "The passphrase is empty. Choose one, or continue without.",
  STORE_IN_USE: () =>
    "This profile is open in another tab or window. Go there, or close it and try again here.",
  STORE_TAMPERED: () =>
    "The stored data was changed or damaged outside this page, so it is not opened. You can only begin again: clear this site's data in the browser's settings.",
  STORE_FORMAT: () => "This was written by a newer version of this page. Reload the page.",
  NO_BACKUP: () =>
    "This file is no backup of these conversations. Choose the one that “Save a backup” has made; its name ends in .smpkit unless you have changed it.",
  EXPORT_DAMAGED: () =>
    "This backup was damaged or cut off, so nothing of it was taken. Copy it here once more, or use another one.",
  NOT_EMPTY: () => "There are conversations in this browser already. Reload the page and unlock them.",
  UNSEALED: () =>
    "Only what has a passphrase can be saved: whoever finds the file could read everything otherwise.",
  STORE_FAILED: () => "The browser could not write to this device. Make room, then open the page again.",
  STORE: () => "The browser could not write to this device. Make room, then open the page again.",
  NO_CAMERA: () =>
    "There is no camera, or this page may not use it. Allow it in the browser's address bar, or choose a picture instead.",
  SMP: (host) => `The server ${host} refused this. Try again later, or tell whoever runs it.`,
}

/** What a problem means to a person, and what to do. */
export function sentenceOf({ code, message, host }: Problem): string {
  const words = sentences[code]
  if (words !== undefined) return words(host ?? "of this page")
  return message === ""
    ? "Something went wrong that this page did not expect. Reload it and try again."
    : message
}

/** Codes that have a sentence: for a test. */
export const knownCodes: readonly string[] = Object.keys(sentences)

const states: Readonly<Record<SendState, string>> = {
  stored: "Waiting for the server",
  sent: "Sent: the server has it",
  delivered: "Delivered",
  failed: "Not sent",
}

export function stateText(state: SendState): string {
  return states[state]
}

const warnings: Readonly<Record<NonNullable<ChatMessage["warning"]>, string>> = {
  skipped: "Messages are missing before this one. Ask for them again.",
  duplicate: "This message came twice.",
  badId: "This message is out of order.",
  badHash: "This message does not follow the one before: some were lost or changed on the way.",
  binary: "This is no text, and this page cannot show it.",
}

export function warningText(warning: NonNullable<ChatMessage["warning"]>): string {
  return warnings[warning]
}

const statuses: Readonly<Record<ConversationStatus, string>> = {
  invited: "Waiting for an answer",
  joining: "Server not reached yet",
  greeting: "Waiting for the other side",
  connected: "Connected",
  closed: "Ended",
}

export function statusText(status: ConversationStatus): string {
  return statuses[status]
}

const notices: Readonly<Record<NoticeKind, (host: string) => string>> = {
  receivingMoved: (host) => `Messages to you now wait in a new place on ${host}`,
  sendingMoved: (host) => `The other person now receives by a new place on ${host}`,
  keysAsked: () => "New keys were sent; what you write waits for an answer",
  newKeys: () => "New keys are in use, and the security code is another one",
  postQuantumOn: () => "What you send is now protected against future quantum computers, too",
  postQuantumOff: () => "What you send is not protected against future quantum computers any more",
}

export function noticeText({ kind, host }: Pick<Notice, "kind" | "host">): string {
  return notices[kind](host ?? "the server of this page")
}

export function nameOf({ name, number }: Pick<Conversation, "name" | "number">): string {
  return name === "" ? `Conversation ${number}` : name
}
