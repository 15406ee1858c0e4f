/** What a line in the chat asks for. */
export type ChatInput =
  | { readonly type: "nothing" }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "help" | "code" | "list" | "info" | "invite" | "renew" | "quit" }
  /** To the agent's choice, or to a server. */
  | { readonly type: "move"; readonly server: string | undefined }
  | { readonly type: "verify"; readonly verified: boolean }
  | { readonly type: "open" | "delete"; readonly number: number }
  | { readonly type: "join"; readonly link: string }
  | { readonly type: "wrong"; readonly reason: string }

/** The text of `/help`. */
export const chatHelp: readonly string[] = [
  "Write a line and press Enter to send it. ✓ the server keeps it, ✓✓ it was received.",
  "  /code          the security code, to compare with the other side by another way",
  "  /verify [no]   mark this conversation as compared, or not",
  "  /info          what is known of this conversation",
  "  /move [SERVER] receive by a new queue, on another server where there is one; nothing is lost",
  "  /renew         make new keys with the other side, as after a restored backup",
  "  /list          all conversations",
  "  /open N        go to conversation N",
  "  /invite        a new conversation, by an invitation to pass on",
  "  /join LINK     a new conversation, by an invitation that you were given",
  "  /delete N      delete conversation N for good",
  "  /quit          leave; everything stays for the next time",
  "  //text         send a text that begins with a slash",
]

/** Reads one line. A slash begins a command, two a text with one. */
export function parseChatInput(line: string): ChatInput {
  if (line.trim() === "") return { type: "nothing" }
  if (!line.startsWith("/")) return { type: "text", text: line }
  if (line.startsWith("//")) return { type: "text", text: line.slice(1) }
  const [command = "", ...words] = line.trim().split(/\s+/)
  const [word] = words
  switch (command) {
    case "/help":
    case "/code":
    case "/list":
    case "/info":
    case "/invite":
    case "/renew":
    case "/quit":
      if (word !== undefined) return wrong(`${command} takes nothing more`)
      return { type: command.slice(1) as "help" }
    case "/verify":
      if (word === undefined || word === "no") return { type: "verify", verified: word === undefined }
      return wrong("/verify, or /verify no")
    case "/move":
      if (words.length <= 1) return { type: "move", server: word }
      return wrong("/move, or /move smp://FINGERPRINT@HOST:PORT")
    case "/open":
    case "/delete":
      if (words.length !== 1 || !/^[1-9]\d{0,5}$/.test(word ?? ""))
        return wrong(`${command} takes a number from /list`)
      return { type: command === "/open" ? "open" : "delete", number: Number(word) }
    case "/join":
      if (words.length !== 1 || word === undefined) return wrong("/join takes one link")
      return { type: "join", link: word }
    default:
      return wrong(`no command ${command}: /help lists them, and // sends a text that begins with a slash`)
  }
}

function wrong(reason: string): ChatInput {
  return { type: "wrong", reason }
}
