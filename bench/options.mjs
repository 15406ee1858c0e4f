import { parseArgs } from "node:util"
import { usage } from "./failure.mjs"

/**
 * Reads a command line with `--json`, `--help`, whole numbers from 1 with their defaults, and texts. Numbers that are not given and have no default are `undefined`,
 * and so is everything when help was asked for. Throws usage errors.
 */
export function readOptions(args, { numbers, texts = [], positionals: allowPositionals = false }) {
  const { values, positionals } = parse(args, [...Object.keys(numbers), ...texts], allowPositionals)
  if (values.help) return undefined
  const counts = Object.fromEntries(
    Object.entries(numbers).map(([name, standard]) => [name, count(name, values[name]) ?? standard]),
  )
  return {
    ...Object.fromEntries(texts.map((name) => [name, values[name]])),
    ...counts,
    json: values.json === true,
    positionals,
  }
}

function parse(args, names, allowPositionals) {
  try {
    return parseArgs({
      args,
      allowPositionals,
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: "string" }])),
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    })
  } catch (error) {
    throw usage(error instanceof Error ? error.message.split(/[.\n]/)[0] : String(error))
  }
}

function count(name, text) {
  if (text === undefined) return undefined
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < 1) throw usage(`--${name}: a whole number from 1 belongs here`)
  return value
}
