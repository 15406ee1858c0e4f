import type { Port, StartPort } from "../../src/page/port.ts"
import type {
  ChatMessage,
  Conversation,
  Entry,
  Method,
  PageEvent,
  Params,
  Result,
} from "../../src/protocol.ts"

// An agent that is none: the page with something on it, to be looked at. `?scenario=` names what.

const scenario = new URLSearchParams(location.search).get("scenario") ?? "chats"
const now = Date.now()
const minute = 60_000

const link =
  "simplex:/invitation#/?v=2-7&smp=smp%3A%2F%2Fq6b0-zwc3qTwq6T2Ee0V1Fv6eS9oZk3fB1yQH7dPx0s%3D%40chat.example.org%3A5223%2FkqX1mN0vYx8tQ3o0b1o3l9yRk2bVt0aC%23%2F%3Fv%3D1-4%26dh%3DMCowBQYDK2VuAyEA3qk0m5uOe5Jt1o9Yw2E3iN0aQ8lKc7xRzV6bT4sXyBw%253D%26q%3Dm%26k%3Ds&e2e=v%3D2-3%26x3dh%3DMEIwBQYDK2VvAzkAq1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxCvBnMqWeRtYuIoPaSdFgHjKlZxCvBnM0987-_aSd%3D%2CMEIwBQYDK2VvAzkAzXcVbNmAsDfGhJkLqWeRtYuIoP0987654321-_zXcVbNmAsDfGhJkLqWeRtYuIoPqWe%3D"

function texts(...lines: readonly (readonly [ChatMessage["from"], number, string, Partial<ChatMessage>?])[]) {
  return lines.map(([from, ago, text, more], index): ChatMessage => ({
    id: index + 1,
    from,
    text,
    time: now - ago * minute,
    ...(from === "me" ? { state: "delivered" as const } : {}),
    ...more,
  }))
}

const histories = {
  marta: texts(
    ["peer", 1530, "Did the seeds arrive?"],
    ["me", 1500, "Yes, this morning. Two bags, and a third one I did not order 😄"],
    ["peer", 1498, "That one is from me. Runner beans, they climb anything."],
    ["me", 1490, "Then the balcony is theirs."],
    [
      "peer",
      47,
      "Are you coming on Saturday? We meet at the allotments, ten o’clock, and somebody has to bring the small spade.",
    ],
    ["peer", 46, "The map: https://example.org/maps/allotments?plot=17"],
    ["me", 31, "I will be there. Spade packed."],
    ["me", 30, "Is there anything else that we need?\nI have string, labels and the watering can."],
    ["peer", 12, "Only good weather."],
    ["me", 9, "I have asked for it.", { state: "sent" }],
    ["me", 1, "And for cake.", { state: "stored" }],
  ),
  jo: texts(
    ["me", 3000, "The draft is in the folder."],
    ["peer", 2990, "Read it, two remarks on page 3."],
    [
      "me",
      2900,
      "Mended, please look again.",
      { state: "failed", problem: { code: "EXPIRED", message: "" } },
    ],
    ["peer", 2800, "Back on Monday.", { warning: "skipped" }],
  ),
  samira: texts(["peer", 4400, "Danke dir! Bis bald."]),
}

/** Histories with what the page says between the messages. */
const shown: Readonly<Record<string, readonly Entry[]>> = {
  ...histories,
  marta: [
    ...histories.marta.slice(0, 4),
    { id: 4.0001, from: "page", kind: "postQuantumOn", time: now - 1489 * minute },
    { id: 4.0002, from: "page", kind: "sendingMoved", time: now - 60 * minute, host: "smp8.simplex.example" },
    ...histories.marta.slice(4),
  ],
  samira: [
    ...histories.samira,
    { id: 1.0001, from: "page", kind: "keysAsked", time: now - 300 * minute },
    { id: 1.0002, from: "page", kind: "newKeys", time: now - 290 * minute },
  ],
}

const base = { name: "", created: now - 9000 * minute, verified: false, unread: 0 }
const chats: readonly Conversation[] = [
  {
    ...base,
    id: "marta",
    name: "Marta",
    number: 1,
    status: "connected",
    verified: true,
    last: histories.marta.at(-1),
  },
  {
    ...base,
    id: "group",
    name: "Tomás, the neighbour from downstairs with the long name",
    number: 2,
    status: "connected",
    unread: 3,
    last: {
      id: 9,
      from: "peer",
      text: "The parcel is with me, ring when you are home and I will bring it up",
      time: now - 22 * minute,
    },
  },
  {
    ...base,
    id: "invited",
    name: "Grandpa",
    number: 3,
    status: "invited",
    link,
    created: now - 200 * minute,
  },
  { ...base, id: "jo", name: "Jo", number: 4, status: "connected", last: histories.jo.at(-1) },
  {
    ...base,
    id: "samira",
    name: "Samira Öztürk",
    number: 5,
    status: "connected",
    alert: { code: "NEW_KEYS", message: "" },
    last: histories.samira.at(-1),
  },
  { ...base, id: "fresh", name: "", number: 6, status: "connected", created: now - 8000 * minute },
  {
    ...base,
    id: "closed",
    name: "Repair café",
    number: 7,
    status: "closed",
    alert: { code: "NO_ANSWER", message: "" },
  },
]

type Handlers = { readonly [M in Method]?: (params: Params<M>) => Result<M> }

export const startWorkerPort: StartPort = (onEvent: (event: PageEvent) => void): Port => {
  const handlers: Handlers = {
    look: () => ({ exists: scenario !== "choose" }),
    open: ({ passphrase }) => {
      if (passphrase === "wrong") throw new Error("WRONG_PASSPHRASE")
      setTimeout(() => {
        onEvent({ type: "reach", reach: scenario === "down" ? "down" : "up" })
      })
      return {
        settings: { idleMinutes: 15, receipts: true },
        conversations: scenario === "empty" ? [] : chats,
      }
    },
    history: ({ id }) => ({ entries: shown[id] ?? [], more: id === "marta" }),
    inspect: () => ({ hosts: ["chat.example.org"] }),
    connection: () => ({
      receiving: [
        { host: "chat.example.org", role: "current" },
        ...(scenario === "moving" ? [{ host: "chat.example.org", role: "next" as const }] : []),
      ],
      sending: [{ host: "smp8.simplex.example", role: "current" }],
      postQuantum: { sending: true, receiving: true },
      code: "48213 90551 27764 01932 66318 52047 11896 73420 85519 30268 44071 92635",
    }),
  }
  return {
    call: async (method, params) => {
      await Promise.resolve()
      const handler = handlers[method]
      return handler === undefined ? {} : handler(params)
    },
    active: () => undefined,
    close: () => undefined,
  }
}
