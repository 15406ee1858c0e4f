import type { BrokerMessage, Command, Reply } from "@smpkit/smp"

/** What a command resolves to: its reply, unless that is an error. */
export type Success<T extends Command["type"]> = Exclude<Reply<T>, { readonly type: "ERR" }>

/** What may answer each command (smp-commands.md, "All commands and messages"; SUB also as older servers answer it). */
const answers: { readonly [T in Command["type"]]: readonly Success<T>["type"][] } = {
  NEW: ["IDS"],
  SUB: ["SOK", "OK", "MSG"],
  KEY: ["OK"],
  RKEY: ["OK"],
  LSET: ["OK"],
  LDEL: ["OK"],
  NKEY: ["NID"],
  NDEL: ["OK"],
  GET: ["MSG", "OK"],
  ACK: ["MSG", "OK"],
  OFF: ["OK"],
  DEL: ["OK"],
  QUE: ["INFO"],
  SUBS: ["SOKS"],
  SKEY: ["OK"],
  SEND: ["OK"],
  LKEY: ["LNK"],
  LGET: ["LNK"],
  NSUB: ["SOK", "OK"],
  NSUBS: ["SOKS"],
  PRXY: ["PKEY"],
  PFWD: ["PRES"],
  RFWD: ["RRES"],
  PING: ["PONG"],
}

export function isAnswer<T extends Command["type"]>(
  type: T,
  message: BrokerMessage,
): message is Success<T> & BrokerMessage {
  const allowed: readonly string[] = answers[type]
  return allowed.includes(message.type)
}
