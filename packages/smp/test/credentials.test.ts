import { type Command, credentialError, formatProtocolError } from "@smpkit/smp"
import { expect, test } from "vitest"

// smp-commands.md, "Order of checks in the server": for each command what is answered to neither, entity, authorization, both.
const table: readonly (readonly [Command["type"], string, string, string, string])[] = [
  ["NEW", "CMD NO_AUTH", "CMD NO_AUTH", "-", "CMD HAS_AUTH"],
  ["SEND", "CMD NO_ENTITY", "-", "CMD NO_ENTITY", "-"],
  ["LGET", "CMD NO_ENTITY", "-", "CMD NO_ENTITY", "CMD HAS_AUTH"],
  ["PFWD", "CMD NO_ENTITY", "-", "CMD NO_ENTITY", "CMD HAS_AUTH"],
  ["PING", "-", "CMD HAS_AUTH", "CMD HAS_AUTH", "CMD HAS_AUTH"],
  ["PRXY", "-", "CMD HAS_AUTH", "CMD HAS_AUTH", "CMD HAS_AUTH"],
  ["RFWD", "-", "CMD HAS_AUTH", "CMD HAS_AUTH", "CMD HAS_AUTH"],
  ...(
    [
      ["SUB", "KEY", "RKEY", "LSET", "LDEL", "NKEY", "NDEL", "GET"],
      ["ACK", "OFF", "DEL", "QUE", "SUBS", "SKEY", "LKEY", "NSUB", "NSUBS"],
    ] as const
  ).flatMap((types) =>
    types.map((type) => [type, "CMD NO_AUTH", "CMD NO_AUTH", "CMD NO_AUTH", "-"] as const),
  ),
]

test.each(table)("%s", (type, ...answers) => {
  const given = [false, true].flatMap((authorized) => [false, true].map((entity) => ({ authorized, entity })))
  const errors = given.map((credentials) => credentialError(type, credentials))
  expect(errors.map((error) => (error === undefined ? "-" : formatProtocolError(error)))).toEqual(answers)
})
