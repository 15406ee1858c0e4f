import type { ProtocolError, Transmission } from "@smpkit/smp"
import type { Connection } from "../connection.ts"

/** Answers with an error of the protocol. */
export function refuse(connection: Connection, transmission: Transmission, error: ProtocolError): void {
  connection.answer(transmission, { type: "ERR", error })
}

/** The queue was deleted after the command was authorized. */
export function refuseAuth(connection: Connection, transmission: Transmission): void {
  refuse(connection, transmission, { type: "AUTH" })
}
