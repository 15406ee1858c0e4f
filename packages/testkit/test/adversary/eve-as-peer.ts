import type { AgentContent, AgentMessage, PostQuantumSetting } from "@smpkit/agent"
import { type Bytes, toBase64Url, utf8 } from "@smpkit/codec"
import { EveJoiner } from "../../src/eve-joiner.ts"
import { type World, until } from "./person.ts"

/** Eve as somebody whom Alice has invited: she has a ratchet of her own in her hand, and both servers besides. */
export interface EvePeer {
  readonly eve: EveJoiner
  readonly connectionId: string
  /** Puts bodies into Alice's queue. */
  readonly deliver: (...bodies: readonly Bytes[]) => Promise<void>
  readonly say: (message: AgentMessage) => Promise<void>
  /** What Alice has sent since Eve asked last, once there are as many as that. */
  readonly hear: (count?: number) => Promise<readonly AgentContent[]>
  /** How many bodies Alice has sent her. */
  readonly sent: () => number
}

export const text = (words: string): AgentMessage => ({ type: "A_MSG", body: utf8(words) })

/** Alice makes a link, Eve answers, Alice allows it. */
export async function invitedEve(
  { alice, one, two, random }: World,
  {
    postQuantum = false,
    alicesSetting = "on",
  }: { readonly postQuantum?: boolean; readonly alicesSetting?: PostQuantumSetting } = {},
): Promise<EvePeer> {
  const { connectionId, link } = await alice.agent.createConnection({
    mode: "invitation",
    postQuantum: alicesSetting,
  })
  const eve = new EveJoiner(link, { replyServer: two.address, random, postQuantum })
  // Nobody made a queue for her there: her server takes everything.
  two.intercept = ({ entityId }) =>
    toBase64Url(entityId) === toBase64Url(eve.replyId) ? { type: "OK" } : undefined
  await one.inject(eve.senderId, eve.confirmation(utf8("eve")))
  await alice.agent.allowConnection(await alice.next("confirmation"))
  await alice.next("connected")
  let heard = 0
  const sent = (): number => two.bodies(eve.replyId).length
  const hear = async (count = 0): Promise<readonly AgentContent[]> => {
    await until(`Alice has sent ${count}`, () => sent() - heard >= count)
    const bodies = two.bodies(eve.replyId).slice(heard)
    heard += bodies.length
    return bodies.map((body) => eve.open(body))
  }
  await hear(1)
  const deliver = async (...bodies: readonly Bytes[]): Promise<void> => {
    for (const body of bodies) await one.inject(eve.senderId, body)
  }
  return { eve, connectionId, deliver, say: (message) => deliver(eve.message(message)), hear, sent }
}
