import { Command, CommanderError, InvalidArgumentError } from "commander"
import { failureOf } from "./failure.ts"
import { packageVersion } from "./versions.ts"

// The command line. Each action imports its subcommand when it runs, so that `smpkit --help` starts fast.

/** Runs the command with its arguments (without node and script) and resolves to the exit code: 0, 1 failed, 2 usage. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: "user" })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error)
    const { line, exitCode } = failureOf(error)
    process.stderr.write(`${line}\n`)
    if ((process.env["SMPKIT_DEBUG"] ?? "") !== "" && error instanceof Error)
      process.stderr.write(`${error.stack ?? ""}\n`)
    return exitCode
  }
}

/** Help and version are no failures; anything else was a wrong command line, in one line. */
function usageExit(error: CommanderError): number {
  if (error.exitCode === 0) return 0
  if (error.code !== "commander.help") {
    const reason = error.message.replace(/^error: /, "").replaceAll("\n", " ")
    process.stderr.write(`smpkit: ${reason}; --help shows what is possible\n`)
  }
  return 2
}

function program(): Command {
  const root = new Command("smpkit")
    .description("Private message queues: server, agent, chat and pipes")
    .version(packageVersion(), "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(true)
    .addHelpText(
      "after",
      example("smpkit server start --dir ./server --port 5223", "smpkit chat --dir ./me --server smp://…"),
    )
  addServer(root)
  addAgent(root)
  addChat(root)
  addWeb(root)
  addPipes(root)
  addBench(root)
  addDemo(root)
  return root
}

function addServer(root: Command): void {
  const server = sub(root, "server", "an SMP server").addHelpText(
    "after",
    example("smpkit server start --dir ./server"),
  )
  sub(server, "init", "make a server's identity and configuration, and print its address")
    .requiredOption("--dir <dir>", "the server's folder")
    .requiredOption("--host <host>", "the name or address under which clients reach it")
    .option("--port <port>", "the port for clients; 0 picks a free one at the first start", portOption)
    .addHelpText("after", example("smpkit server init --dir ./server --host smp.example.org"))
    .action(async (options: object) => (await import("./server-command.ts")).runServerInit(options as never))
  sub(server, "start", "run a server; makes its identity first where the folder is empty")
    .requiredOption("--dir <dir>", "the server's folder")
    .option("--host <host>", "the name or address under which clients reach it (default: localhost)")
    .option("--bind <address>", "the address to listen on (default: 127.0.0.1 for localhost, otherwise ::)")
    .option(
      "--port <port>",
      "the port for clients; 0 picks a free one at the first start and keeps it",
      portOption,
    )
    .option("--channel-port <port>", "a port for channels, which need no TLS; 0 as for --port", portOption)
    .option("--web-port <port>", "a port for the chat page and for browsers; 0 as for --port", portOption)
    .option(
      "--web-bind <address>",
      "the address of the page's port (default: this machine only, without the two that follow)",
    )
    .option("--web-certificate <file>", "a certificate that browsers trust, PEM, with --web-key")
    .option("--web-key <file>", "the key of that certificate, PEM")
    .option("--web-public-url <url>", "https://…: where a reverse proxy shows the page to the world")
    .option("--web-page <dir>", "a folder with another build of the page")
    .option("--store <store>", "disk (default), or memory, which forgets everything at the end")
    .addHelpText(
      "after",
      example(
        "smpkit server start --dir ./server --host smp.example.org --port 5223",
        "smpkit server start --dir ./server --web-port 8080",
      ),
    )
    .action(async (options: object) => (await import("./server-command.ts")).runServerStart(options as never))
  sub(server, "address", "print the address of a server that was made before")
    .requiredOption("--dir <dir>", "the server's folder")
    .addHelpText("after", example("smpkit server address --dir ./server"))
    .action(async (options: object) =>
      (await import("./server-command.ts")).runServerAddress(options as never),
    )
  sub(server, "renew", "make a new certificate, as the old one lives for a year; the address stays")
    .requiredOption("--dir <dir>", "the server's folder")
    .option(
      "--ca-dir <dir>",
      "where the folder with the identity key is now (default: ca in the server's folder)",
    )
    .addHelpText("after", example("smpkit server renew --dir ./server --ca-dir /media/key/ca"))
    .action(async (options: object) => (await import("./server-command.ts")).runServerRenew(options as never))
}

function addAgent(root: Command): void {
  const agent = withAgentOptions(
    sub(root, "agent", "an agent for programs in any language: JSON-RPC on stdin and stdout"),
  )
    .addHelpText(
      "after",
      example(
        "smpkit agent --dir ./bot --server smp://… --passphrase-file ./passphrase",
        '{"jsonrpc":"2.0","id":1,"method":"createConnection","params":{"mode":"invitation"}}',
      ),
    )
    .action(async (options: object) => (await import("./agent-command.ts")).runAgent(options as never))
  // The folder and its passphrase are options of the agent, wherever they stand.
  withFile(agent, "export", "write an agent that does not run to one sealed file, for a backup or a move")
    .argument("<file>", "the file to write; it must not exist")
    .addHelpText("after", example("smpkit agent export --dir ./bot ./bot.smpkit"))
    .action(async (file: string, _: object, command: Command) =>
      (await import("./backup-command.ts")).runExport(file, command.optsWithGlobals()),
    )
  withFile(agent, "import", "make an agent's folder of an exported file; its contacts get new keys")
    .argument("<file>", "the exported file; its passphrase is that of the new folder")
    .addHelpText("after", example("smpkit agent import --dir ./new ./bot.smpkit", "smpkit chat --dir ./new"))
    .action(async (file: string, _: object, command: Command) =>
      (await import("./backup-command.ts")).runImport(file, command.optsWithGlobals()),
    )
}

function withFile(agent: Command, name: string, description: string): Command {
  return sub(agent, name, description).configureHelp({ showGlobalOptions: true })
}

function addChat(root: Command): void {
  withLinkOption(
    withAgentOptions(sub(root, "chat", "a terminal chat; without a link it shows an invitation")),
  )
    .argument("[link]", "the invitation of the other person")
    .option("--qr <file.svg>", "write the invitation as a QR code to a file")
    .option("--no-receipts", "do not tell the other side what was received")
    .option("--message <text>", "send one message and end, for scripts; - reads it from stdin")
    .addHelpText(
      "after",
      example(
        "smpkit chat --dir ./me --server smp://…",
        "smpkit chat --dir ./you --server smp://… LINK",
        'smpkit chat --dir ./you --message "the backup has failed"',
      ),
    )
    .action(async (link: string | undefined, options: object) =>
      (await import("./chat/chat-command.ts")).runChat(link, options as never),
    )
}

function addWeb(root: Command): void {
  sub(root, "web", "the chat page on this machine, for a server that serves one")
    .argument("[url]", "where that server's page is (default: the last one)")
    .option("--server <address>", "the server that must be behind it, smp://FINGERPRINT@HOST:PORT")
    .option("--dir <dir>", "where servers and the page's ports are kept (default: ~/.smpkit/web)")
    .option("--web-page <dir>", "a folder with another build of the page")
    .addHelpText("after", example("smpkit web https://chat.example.org/"))
    .action(async (url: string | undefined, options: object) =>
      (await import("./web-command.ts")).runWeb(url, options),
    )
}

function addPipes(root: Command): void {
  withLinkOption(withAgentOptions(sub(root, "send", "send stdin through a connection")))
    .argument("[link-or-name]", "the receiver's link, or the name of a pipe that was joined before")
    .option("--as <name>", "the name for a new pipe (default: default)")
    .addHelpText(
      "after",
      example(
        "smpkit send LINK --dir ./me --server smp://… --as backup < archive.tar",
        "smpkit send backup --dir ./me < next.tar",
      ),
    )
    .action(async (target: string | undefined, options: object) =>
      (await import("./pipe/send-command.ts")).runSend(target, options as never),
    )
  withAgentOptions(
    sub(root, "receive", "write what a sender sends to stdout; shows a link on stderr when the name is new"),
  )
    .argument("<name>", "the name of the pipe")
    .option("--qr <file.svg>", "write the link as a QR code to a file")
    .addHelpText("after", example("smpkit receive backup --dir ./store --server smp://… > archive.tar"))
    .action(async (name: string, options: object) =>
      (await import("./pipe/receive-command.ts")).runReceive(name, options as never),
    )
}

function addBench(root: Command): void {
  sub(root, "bench", "put a load on an SMP server: SEND, MSG, ACK")
    .argument("<address>", "the server's address, smp://FINGERPRINT@HOST:PORT")
    .option("--queues <n>", "queues, one message in flight on each", countOption, 100)
    .option("--messages <n>", "messages in all", countOption, 10_000)
    .option("--body <bytes>", "size of a body", countOption, 16_000)
    .option("--connections <n>", "pairs of connections", countOption, 4)
    .option("--json", "print one JSON object")
    .addHelpText("after", example("smpkit bench smp://… --queues 100 --messages 10000 --json"))
    .action(async (address: string, options: object) =>
      (await import("./bench/bench-command.ts")).runBench(address, options as never),
    )
}

function addDemo(root: Command): void {
  sub(root, "demo", "a server and two agents on it that talk, step by step (this is npm start)", {
    hidden: true,
  })
    .option("--dir <dir>", "the folder for server and agents", "smpkit-data")
    .option("--once", "end after the conversation")
    .addHelpText("after", example("smpkit demo"))
    .action(async (options: object) => (await import("./demo.ts")).runDemo(options as never))
}

/** A subcommand that reports errors as the root does. */
function sub(
  parent: Command,
  name: string,
  description: string,
  options: { readonly hidden?: boolean } = {},
): Command {
  return parent
    .command(name, { hidden: options.hidden ?? false })
    .description(description)
    .summary(description)
}

function withAgentOptions(command: Command): Command {
  return command
    .requiredOption("--dir <dir>", "the agent's folder")
    .option(
      "--server <address>",
      "a server to make queues on; can be given several times (or SMPKIT_SERVERS)",
      collect,
    )
    .option(
      "--passphrase-file <file>",
      "the passphrase of the folder, in a file that only you can read (or SMPKIT_PASSPHRASE, or a prompt)",
    )
    .option("--empty-passphrase", "no passphrase: whoever reads the folder reads everything in it")
}

function withLinkOption(command: Command): Command {
  return command.option(
    "--link-file <file>",
    "read the link from a file, so that it is not among the arguments (or SMPKIT_LINK)",
  )
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function portOption(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError("a port is a number from 0 to 65535.")
  return Number(text)
}

function countOption(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("it must be a number from 1 on.")
  return Number(text)
}

function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  ${line}`).join("\n")}\n`
}
