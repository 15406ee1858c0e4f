import type { Session } from "../connection.ts"
import type { Conversation } from "../conversation.ts"
import type { OpenedMessage } from "../open.ts"
import type { Outcome } from "../receive.ts"

export type Opened = Extract<OpenedMessage<Session>, { readonly type: "message" }>

/**
 * QTEST. It is the first on its queue, and what its sender sent before it follows there or on the old queue: so as not to call that out of order, a QTEST that
 * came early is counted at its number's turn.
 */
export function takeQtest(
  { moves, session: before }: Conversation,
  { integrity, session, sndMsgId, hash }: Opened,
): Outcome {
  if (integrity.type !== "skipped" || before === undefined) return { changes: {}, head: "done" }
  const { lastReceivedId, lastReceivedHash } = before
  return {
    changes: {
      session: { ...session, lastReceivedId, lastReceivedHash },
      also: moves.setEarlyTest({ sndMsgId, hash }),
    },
    head: "done",
  }
}

/** Counts a QTEST that came early, where the message before it is here now. */
export function countedTest({ moves }: Conversation, outcome: Outcome): Outcome {
  const test = moves.earlyTest
  const { session, also } = outcome.changes
  if (test === undefined || session === undefined || session.lastReceivedId < test.sndMsgId - 1)
    return outcome
  const write = moves.setEarlyTest(undefined)
  const turn = session.lastReceivedId === test.sndMsgId - 1
  return {
    ...outcome,
    changes: {
      ...outcome.changes,
      session: turn ? { ...session, lastReceivedId: test.sndMsgId, lastReceivedHash: test.hash } : session,
      also: (tx) => {
        also?.(tx)
        write(tx)
      },
    },
  }
}
