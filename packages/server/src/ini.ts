import { ServerError } from "./errors.ts"

/** Settings of a configuration file. Each is asked for once; what nobody asked for is an error. */
export interface Ini {
  /** `undefined` when the setting is missing or empty. */
  text(section: string, key: string): string | undefined
  number(section: string, key: string): number | undefined
  flag(section: string, key: string): boolean | undefined
  rejectUnread(): void
}

interface Setting {
  readonly line: number
  readonly value: string
  read: boolean
}

/** Reads `[section]`, `key = value`, and comments that begin with `;` or `#`. Throws `ServerError CONFIGURATION` with the line. */
export function parseIni(text: string): Ini {
  const settings = new Map<string, Setting>()
  let section = ""
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (line === "" || line.startsWith(";") || line.startsWith("#")) continue
    const heading = /^\[([a-z_]+)\]$/.exec(line)?.[1]
    if (heading !== undefined) {
      section = heading
      continue
    }
    const match = /^([a-z_]+)\s*=\s*(.*)$/.exec(line)
    if (match === null)
      throw new ServerError("CONFIGURATION", `line ${i + 1}: neither a section nor a setting`)
    const name = `${section}/${match[1] ?? ""}`
    if (settings.has(name)) throw new ServerError("CONFIGURATION", `line ${i + 1}: set for the second time`)
    settings.set(name, { line: i + 1, value: match[2] ?? "", read: false })
  }

  function find(sectionName: string, key: string): Setting | undefined {
    const setting = settings.get(`${sectionName}/${key}`)
    if (setting === undefined) return undefined
    setting.read = true
    return setting.value === "" ? undefined : setting
  }

  return {
    text: (s, key) => find(s, key)?.value,
    number: (s, key) => {
      const setting = find(s, key)
      if (setting === undefined) return undefined
      if (!/^\d{1,15}$/.test(setting.value))
        throw new ServerError("CONFIGURATION", `line ${setting.line}: ${key} is a whole number`)
      return Number(setting.value)
    },
    flag: (s, key) => {
      const setting = find(s, key)
      if (setting === undefined) return undefined
      if (setting.value !== "on" && setting.value !== "off")
        throw new ServerError("CONFIGURATION", `line ${setting.line}: ${key} is on or off`)
      return setting.value === "on"
    },
    rejectUnread: () => {
      for (const [name, { line, read }] of settings) {
        if (!read) throw new ServerError("CONFIGURATION", `line ${line}: there is no setting ${name}`)
      }
    },
  }
}
