import { type Bytes, toHex } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import { parseCommand } from "@smpkit/smp"
import type { Vector } from "@smpkit/testkit"

// A SEND of a recording, complete or shortened.

/** The first 64 bytes of a command. */
export function headOf(step: Vector): Bytes {
  return (step.find("command") ?? step.at("commandHead64")).bytes().slice(0, 64)
}

export function lengthOf(step: Vector): number {
  return step.find("commandLen")?.number() ?? step.at("command").bytes().length
}

export function hashOf(step: Vector): string {
  return step.find("commandSha256")?.text() ?? toHex(sha256(step.at("command").bytes()))
}

/** The body of a SEND; `undefined` where it is shortened. */
export function bodyOf(step: Vector, version: number): Bytes | undefined {
  const bytes = step.find("command")?.bytes()
  if (bytes === undefined) return undefined
  const command = parseCommand(version, bytes)
  if (command.type !== "SEND") throw new Error(`${step.path} is no SEND`)
  return command.body
}

/** `SEND`, flag, client version and key mark stand before the nonce of an agent message: a shortened one still shows it. */
export function nonceOf(step: Vector): Bytes {
  return headOf(step).slice(10, 34)
}

/** The notification flag. */
export function flagOf(step: Vector): boolean {
  return headOf(step)[5] === 0x54
}

/** A SEND of that length is a confirmation: its box is shorter, and it has a key in its public header. */
export function isConfirmation(step: Vector): boolean {
  return lengthOf(step) === 15_999
}

/** A random source that gives the same bytes each time. */
export function constantRandom(bytes: Bytes): { readonly bytes: (length: number) => Bytes } {
  return {
    bytes: (length) => {
      if (length !== bytes.length) throw new Error(`${length} random bytes where ${bytes.length} were meant`)
      return bytes.slice()
    },
  }
}
