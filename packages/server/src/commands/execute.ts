import type { Connection } from "../connection.ts"
import type { ServerCore } from "../core.ts"
import { type QueueRecord, secure, secureBySender, suspend } from "../queue.ts"
import { readLink, removeLink, secureByLink } from "../queue-link.ts"
import type { QueueRequest } from "../request.ts"
import { storedKey } from "../stored-key.ts"
import { acknowledgeMessage } from "./acknowledge.ts"
import { setLinkData } from "./link.ts"
import { changeQueue, deleteQueue, tellQueue } from "./manage.ts"
import { sendMessage } from "./send.ts"
import { getMessage, subscribeQueue } from "./subscribe.ts"

/**
 * Carries an authorized command out and answers it. Everything up to the store's transaction happens before the first await, so that
 * commands on one queue reach the store in the order in which they came.
 */
export function execute(
  core: ServerCore,
  connection: Connection,
  request: QueueRequest,
  record: QueueRecord | undefined,
): Promise<void> {
  const { command } = request
  switch (command.type) {
    case "SUB":
      return subscribeQueue(core, connection, request)
    case "GET":
      return getMessage(core, connection, request)
    case "ACK":
      return acknowledgeMessage(core, connection, request, command.msgId)
    case "SEND":
      return sendMessage(core, connection, request, command, record?.senderKey)
    case "KEY":
      return changeQueue(core, connection, request, secure(storedKey(command.senderKey)))
    case "SKEY":
      return changeQueue(core, connection, request, secureBySender(storedKey(command.senderKey)))
    case "LSET":
      return setLinkData(core, connection, request, command)
    case "LDEL":
      return changeQueue(core, connection, request, removeLink)
    case "LKEY":
      return changeQueue(core, connection, request, secureByLink(storedKey(command.senderKey)))
    case "LGET":
      return changeQueue(core, connection, request, readLink)
    case "OFF":
      return changeQueue(core, connection, request, suspend)
    case "DEL":
      return deleteQueue(core, connection, request)
    case "QUE":
      return tellQueue(core, connection, request)
    default:
      return command satisfies never
  }
}
