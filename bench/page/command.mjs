import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { median, ratio, rounded } from "../figures.mjs"
import { MeasuredChild } from "../measured-child.mjs"
import { readOptions } from "../options.mjs"
import { limitTimes, openBrowser, pageTimes } from "./browser.mjs"
import { startLimitPage } from "./limit-page.mjs"

const help = `npm run bench -- page [options]

Opens the chat page of a server in Chromium, each time with a new profile on disk: the bytes that come over the wire, the time
to the first screen, from the passphrase to an open store, and to the first invitation, which is the server's first answer over
the channel. In turns with an empty page, and with the key derivation of a store alone in a worker of it.

  --rounds N   rounds; the figures are their medians, the ratios medians of the rounds' own ratios (3)
  --json       one JSON object on stdout
  --help
`

/** `bench page`: the chat page from nothing to its first answer. */
export async function run(args) {
  const options = readOptions(args, { numbers: { rounds: 3 } })
  if (options === undefined) {
    process.stdout.write(help)
    return
  }
  const dir = await mkdtemp(join(tmpdir(), "smpkit-bench-page-"))
  const limit = await startLimitPage()
  const command = fileURLToPath(new URL("../../packages/cli/bin/smpkit.js", import.meta.url))
  const server = new MeasuredChild([
    command,
    "server",
    "start",
    "--dir",
    join(dir, "server"),
    "--port",
    "0",
    "--web-port",
    "0",
  ])
  try {
    const url = await webUrl(server)
    const rounds = []
    for (let n = 1; n <= options.rounds; n++) {
      if (!options.json && process.stderr.isTTY) process.stderr.write(`round ${n} of ${options.rounds}\r`)
      const browser = await openBrowser(join(dir, `profile-${n}`))
      try {
        rounds.push({ ...(await limitTimes(browser, limit.url)), ...(await pageTimes(browser, url)) })
      } finally {
        await browser.close()
      }
    }
    const report = reportOf(rounds)
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report))
  } finally {
    await server.stop()
    limit.close()
    await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function webUrl(server) {
  for (;;) {
    const url = /^listening (http\S+)$/.exec(await server.line())?.[1]
    if (url !== undefined) return url
  }
}

function reportOf(rounds) {
  const middle = (f) => rounded(median(rounds.map(f)))
  return {
    bench: "page",
    rounds: rounds.length,
    ...Object.fromEntries(Object.keys(rounds[0]).map((name) => [name, middle((round) => round[name])])),
    ratios: {
      screenToEmptyPage: middle((r) => ratio(r.screenMs, r.emptyPageMs)),
      openToKey: middle((r) => ratio(r.openMs, r.keyMs)),
      connectedToKey: middle((r) => ratio(r.screenMs + r.openMs + r.invitationMs, r.keyMs)),
    },
    node: process.versions.node,
  }
}

function tableOf(r) {
  const row = (name, value, limit = "") => `${name.padEnd(44)}${value.padStart(12)}  ${limit}\n`
  const ms = (value) => `${Math.round(value)} ms`
  const times = (value, limit) => `${value.toFixed(2)} × ${limit}`
  return (
    row("over the wire", `${(r.transferredBytes / 1000).toFixed(0)} kB`) +
    row(
      "to the first screen",
      ms(r.screenMs),
      times(r.ratios.screenToEmptyPage, `an empty page (${ms(r.emptyPageMs)})`),
    ) +
    row("the same when the browser knows the page", ms(r.screenAgainMs)) +
    row(
      "from the passphrase to an open store",
      ms(r.openMs),
      times(r.ratios.openToKey, `its key alone (${ms(r.keyMs)})`),
    ) +
    row("to the first invitation", ms(r.invitationMs)) +
    row(
      "all: from nothing to the server's answer",
      ms(r.screenMs + r.openMs + r.invitationMs),
      times(r.ratios.connectedToKey, "the key alone"),
    )
  )
}
