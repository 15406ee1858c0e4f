import { type Bytes, decodeUtf8, toHex, utf8 } from "@smpkit/codec"
import { boxNonceSize, equalBytes } from "@smpkit/crypto"
import { formatLink, openQueueMessage } from "@smpkit/agent"
import { type Command, type LinkData, parseBrokerMessage, parseCommand } from "@smpkit/smp"
import { ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { addressLink } from "../packages/agent/src/contact/address-link.ts"
import { contactTables } from "../packages/agent/src/contact/contact-tables.ts"
import { shortLinkOrigin } from "../packages/agent/src/contact/origin.ts"
import { invitationLink } from "../packages/agent/src/handshake.ts"
import { putRecord, tables } from "../packages/agent/src/records.ts"
import { newUserData } from "../packages/agent/src/short-links/own-link.ts"
import { openLinkData, sealLinkData, senderIdOf } from "../packages/agent/src/short-links/sealed-link-data.ts"
import {
  formatShortLink,
  parseShortLink,
  type ShortLink,
} from "../packages/agent/src/short-links/short-link.ts"
import { unfollowed } from "./support/follow.ts"
import { pairOf } from "./support/recorded-state.ts"
import { Recording } from "./support/recording.ts"
import { Replay } from "./support/replay.ts"
import { startOf } from "./support/seed.ts"

function commandAt(recording: Recording, tag: Command["type"], at = 0): { step: Vector; command: Command } {
  const step = recording.steps.filter((one) => one.find("tag")?.text() === tag)[at]
  if (step === undefined) throw new Error(`no ${tag}`)
  return { step, command: parseCommand(recording.version(step), step.at("command").bytes()) }
}

/** What the maker of the link was told, and what an application hears of it. */
function madeLink(recording: Recording): { readonly long: string; readonly short: string | undefined } {
  const event = recording.events().find((one) => one.find("resp")?.text() === "new")
  if (event === undefined) throw new Error("no link was made")
  return { long: event.at("link").text(), short: event.find("short")?.text() }
}

function nonceOf(blob: Bytes): Bytes {
  return blob.slice(0, boxNonceSize)
}

describe("contact-address.json", () => {
  const recording = new Recording("contact-address")
  const { step, command } = commandAt(recording, "SEND")
  const address = recording.receiveQueue(step.at("entityId").text())

  test("the address's link is ours", () => {
    expect(formatLink(addressLink(address))).toBe(madeLink(recording).long)
  })

  test("the request holds the asker's invitation, letter by letter, and its info", () => {
    if (command.type !== "SEND") throw new Error("no SEND")
    const { envelope, header, newPeer } = openQueueMessage(address, command.body)
    if (envelope.type !== "AgentInvitation") throw new Error(envelope.type)
    expect([header.type, envelope.version, newPeer === undefined]).toEqual(["_", 7, false])
    const conn = recording.connOf("receiver", recording.queues()[1]?.at("senderId").text() ?? "")
    const x3dh = recording.x3dhOf(conn)
    if (x3dh === undefined) throw new Error("no keys")
    const invitation = invitationLink(recording.receiveQueue(recording.senderIdOf(conn)), x3dh)
    expect(decodeUtf8(envelope.link)).toBe(formatLink(invitation))
    expect(decodeUtf8(envelope.info)).toBe("bobinfo")
    expect(step.at("authorization").text()).toBe("")
  })
})

describe.each(["short-link-contact", "short-link-invitation"])("%s.json", (name) => {
  const recording = new Recording(name)
  const { step, command } = commandAt(recording, "NEW")
  if (command.type !== "NEW" || command.linkData === undefined) throw new Error("no link data")
  const { senderId, linkId: asked, ...made } = command.linkData
  const row = recording.row("receiver", toHex(senderId))
  const root = pairOf(row.at("link_priv_sig_key").bytes(), "ed25519")
  const linkId = row.at("link_id").bytes()
  const linkKey = row.at("link_key").bytes()
  const { server } = recording
  const link: ShortLink =
    name === "short-link-contact"
      ? { type: "contact", kind: "contact", server, linkKey }
      : { type: "invitation", server, linkId, linkKey }

  test("the sender id follows from the correlation id, and the link from what is stored", () => {
    expect(toHex(senderIdOf(step.at("corrId").bytes()))).toBe(toHex(senderId))
    expect(formatShortLink(link)).toBe(madeLink(recording).short)
    expect(parseShortLink(formatShortLink(link), [])).toEqual(link)
  })

  test("the data opens, and holds the long link; sealed again it is the same bytes", () => {
    const { fixed, user } = openLinkData(link, senderId, made)
    if (name === "short-link-contact") expect(formatLink(fixed.request)).toBe(madeLink(recording).long)
    expect(user).toEqual(newUserData(link.type, utf8("someuserdata")))
    const nonces = new ScriptedRandom(nonceOf(made.fixed), nonceOf(made.user))
    const again = sealLinkData(root, fixed, user, nonces)
    expect(toHex(again.linkKey)).toBe(toHex(linkKey))
    if (asked !== undefined) expect(toHex(again.linkId ?? linkId)).toBe(toHex(asked))
    expect(toHex(again.sealed.fixed)).toBe(toHex(made.fixed))
    expect(toHex(again.sealed.user)).toBe(toHex(made.user))
  })

  test("every LNK is what was stored last", () => {
    let stored: LinkData = made
    let answers = 0
    for (const one of recording.steps) {
      const tag = one.find("tag")?.text()
      if (tag === "LSET") {
        const set = parseCommand(recording.version(one), one.at("command").bytes())
        if (set.type !== "LSET") throw new Error("no LSET")
        expect([toHex(set.linkId), toHex(set.fixed)]).toEqual([toHex(linkId), toHex(made.fixed)])
        const { user } = openLinkData(link, senderId, set)
        expect(user).toEqual(newUserData(link.type, utf8("newuserdata")))
        stored = { fixed: set.fixed, user: set.user }
      }
      if (tag !== "LNK") continue
      const answer = parseBrokerMessage(recording.version(one), one.at("command").bytes())
      if (answer.type !== "LNK") throw new Error("no LNK")
      expect(equalBytes(answer.user, stored.user) && equalBytes(answer.fixed, stored.fixed)).toBe(true)
      expect(toHex(answer.senderId)).toBe(toHex(senderId))
      answers++
    }
    expect(answers).toBe(name === "short-link-contact" ? 3 : 1)
  })
})

test("a joiner with the recorded key sends the recorded LKEY, takes its answer, and goes on with its own queue", async () => {
  const recording = new Recording("short-link-invitation")
  const { step } = commandAt(recording, "LKEY")
  const { short } = madeLink(recording)
  const link = parseShortLink(short ?? "", [])
  const senderId = recording.queues()[0]?.at("senderId").text() ?? ""
  const row = recording.row("sender", senderId)
  const id = row.at("conn_id").text()
  const replayed = await Replay.run(recording, unfollowed, {
    agent: "bob",
    from: 11,
    to: 15,
    seed: (tx) => {
      putRecord(tx, tables.connection, id, {
        ...startOf(id, "joiner"),
        state: "resolving",
        link,
        senderKey: pairOf(row.at("snd_private_key").bytes(), "ed25519"),
        info: utf8("bobinfo"),
      })
      putRecord(tx, contactTables.origin, id, shortLinkOrigin(link))
    },
  })
  expect(replayed.commands.map(({ step: where }) => where.split(" ").at(-1))).toEqual(["LKEY", "NEW"])
  for (const { ours, recorded } of replayed.commands) expect(ours).toBe(recorded)
  expect(replayed.commands[0]?.ours).toBe(step.at("command").text())
  expect([replayed.events, replayed.extra]).toEqual([[], []])
})

test("an agent that is given the recorded short address asks the server as the recorded one did", async () => {
  const plan = { agent: "bob", from: 23, to: 32 }
  const replayed = await Replay.run(new Recording("short-link-contact"), unfollowed, plan)
  expect(replayed.commands.map(({ step }) => step.split(" ").at(-1))).toEqual(["LGET", "NEW", "SEND"])
  for (const { ours, recorded } of replayed.commands) expect(ours).toBe(recorded)
  expect([replayed.events, replayed.extra]).toEqual([[], []])
})
