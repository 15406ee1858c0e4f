import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defaultConfiguration, formatConfiguration } from "@smpkit/server"
import { describe, expect, test } from "vitest"

const root = fileURLToPath(new URL("../../../../", import.meta.url))
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8")
const filesOf = (directory: string, ending: string): string[] =>
  readdirSync(`${root}${directory}`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${directory}/${name}`)

/** What a setting about ciphers would be called. */
const suspicious =
  /cipher(?!text)|suites?$|alg(orithm)?s?$|curve|aead|kdf|deriveKey|digest$|^hash(Name|Alg)?$|encryption|^mac$|aes|chacha|salsa|x448|x25519|ed448|ed25519|tlsVersion|strength|insecure|plain$|legacy/i

/** Names of optional members and of the members of option types, from the reports of what packages export. */
function optionsOf(report: string): string[] {
  const names: string[] = []
  let type = ""
  for (const line of report.split("\n")) {
    const opened = /^(?:export )?(?:interface|class|type|function) (\w+)/.exec(line)
    if (opened !== null) type = opened[1] ?? ""
    const member = /^\s+(?:readonly )?(\w+)(\??):/.exec(line)
    const isOptions = /(Options|Configuration|Parts|Dependencies|Limits)$/.test(type)
    if (member !== null && (member[2] === "?" || isOptions)) names.push(`${type}.${member[1] ?? ""}`)
  }
  return names
}

const nameOf = (option: string): string => option.slice(option.lastIndexOf(".") + 1)

describe("note N7: there is no cipher to choose", () => {
  test("no exported option is about ciphers", () => {
    const options = filesOf("etc", ".api.md").flatMap((path) => optionsOf(read(path)))
    // The scan sees options at all.
    expect(options).toEqual(
      expect.arrayContaining(["AgentOptions.noAnswerMs", "ListenOptions.handshakeTimeoutMs"]),
    )
    expect(options.filter((option) => suspicious.test(nameOf(option)))).toEqual([])
  })

  test("no flag or environment variable of the command is about ciphers", () => {
    const sources = filesOf("packages/cli/src", ".ts").map(read).join("\n")
    const flags = [...sources.matchAll(/"--([a-z][a-z-]*)/g)].map(([, flag]) => flag ?? "")
    const variables = [...sources.matchAll(/["'`](SMPKIT_[A-Z_]+)/g)].map(([, variable]) => variable ?? "")
    expect(flags).toEqual(expect.arrayContaining(["dir", "server", "port"]))
    expect([...flags, ...variables].filter((name) => suspicious.test(name.replaceAll(/[-_]/g, "")))).toEqual(
      [],
    )
  })

  test("no parameter of the JSON-RPC form is about ciphers", () => {
    const schemas =
      read("packages/cli/src/json-rpc/schemas.ts") + read("packages/cli/src/json-rpc/methods.ts")
    const names = [...schemas.matchAll(/\b(\w+)\??:/g)].map(([, name]) => name ?? "")
    expect(names).toEqual(expect.arrayContaining(["connectionId", "link"]))
    expect(names.filter((name) => suspicious.test(name))).toEqual([])
  })

  test("no key of the server's configuration file is about ciphers", () => {
    const keys = [...formatConfiguration(defaultConfiguration()).matchAll(/^(\w+) = /gm)].map(
      ([, key]) => key ?? "",
    )
    expect(keys).toEqual(expect.arrayContaining(["host", "port", "quota"]))
    expect(keys.filter((key) => suspicious.test(key.replaceAll("_", "")))).toEqual([])
  })
})
