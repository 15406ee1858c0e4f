import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { describe, expect, test } from "vitest"
import { finished, lineOf, Workshop } from "./processes.ts"
import { RpcAgent } from "./rpc-agent.ts"

const timeoutMs = 120_000
const link = /^(simplex:\S+)$/

describe("smpkit send and receive", () => {
  test(
    "carry 5 MB byte for byte, then another stream by name; no progress bar in a pipe",
    async () => {
      await using workshop = await Workshop.open()
      const { address } = await workshop.server()
      const data = randomBytes(5_000_000)
      const receiver = workshop.start(["receive", "photos", ...workshop.as("bob"), "--server", address])
      const received = finished(receiver)
      const invitation = await lineOf(receiver.stderr, link)
      const sender = ["send", ...workshop.as("alice"), "--server", address]
      const sent = await workshop.run([...sender, invitation, "--as", "photos"], data)
      const got = await received
      expect(sent).toMatchObject({ code: 0 })
      expect(got.code).toBe(0)
      expect(got.stdout.equals(data)).toBe(true)
      expect(sent.stdout).toHaveLength(0)
      for (const text of [sent.stderr, got.stderr]) expect(text).not.toMatch(/[\u001b\r█░]|\d%\]/)

      const [next, again] = await Promise.all([
        workshop.run(["receive", "photos", ...workshop.as("bob")]),
        workshop.run(["send", "photos", ...workshop.as("alice")], "the next one"),
      ])
      expect(again).toMatchObject({ code: 0 })
      expect(next).toMatchObject({ code: 0 })
      expect(next.stdout.toString()).toBe("the next one")
    },
    timeoutMs,
  )

  test(
    "an interrupted receiver has the transfer sent again",
    async () => {
      await using workshop = await Workshop.open()
      const { address } = await workshop.server()
      const receiver = workshop.start(["receive", "p", ...workshop.as("bob"), "--server", address])
      const invitation = await lineOf(receiver.stderr, link)
      const sender = workshop.start([
        "send",
        invitation,
        ...workshop.as("alice"),
        "--server",
        address,
        "--as",
        "p",
      ])
      const sent = finished(sender)
      sender.stdin.write("the beginning")
      await once(receiver.stdout, "data")
      receiver.kill("SIGKILL")
      await once(receiver, "exit")
      const second = workshop.start(["receive", "p", ...workshop.as("bob")])
      const got = finished(second)
      sender.stdin.end(" and the end")
      expect(await sent).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/interrupted.*send it again/) as string,
      })
      expect(await workshop.run(["send", "p", ...workshop.as("alice")], "all of it")).toMatchObject({
        code: 0,
      })
      const { code, stdout } = await got
      expect(stdout.toString()).toBe("all of it")
      expect(code).toBe(0)
    },
    timeoutMs,
  )

  test(
    "an interrupted sender ends the broken transfer with its next run",
    async () => {
      await using workshop = await Workshop.open()
      const { address } = await workshop.server()
      const receiver = workshop.start(["receive", "p", ...workshop.as("bob"), "--server", address])
      const got = finished(receiver)
      const invitation = await lineOf(receiver.stderr, link)
      const sender = workshop.start([
        "send",
        invitation,
        ...workshop.as("alice"),
        "--server",
        address,
        "--as",
        "p",
      ])
      sender.stdin.write("half")
      await once(receiver.stdout, "data")
      sender.kill("SIGTERM")
      expect((await once(sender, "exit"))[0]).toBe(1)
      const sent = workshop.run(["send", "p", ...workshop.as("alice")], "whole")
      expect(await got).toMatchObject({ code: 1, stderr: expect.stringMatching(/discard it/) as string })
      const next = await workshop.run(["receive", "p", ...workshop.as("bob")])
      expect(next).toMatchObject({ code: 0, stdout: Buffer.from("whole") })
      expect(await sent).toMatchObject({ code: 0 })
    },
    timeoutMs,
  )

  test(
    "speak to any agent: frames in, a receipt out (docs/pipe.md)",
    async () => {
      await using workshop = await Workshop.open()
      const { address } = await workshop.server()
      const bot = new RpcAgent(workshop.start(["agent", ...workshop.as("bot"), "--server", address]))
      const { connectionId, link: invitation } = await bot.call<{ connectionId: string; link: string }>(
        "createConnection",
        {
          mode: "invitation",
        },
      )
      const sent = workshop.run(["send", invitation, ...workshop.as("alice")], "hi")
      const { confirmationId } = await bot.event("confirmation")
      await bot.call("allowConnection", { connectionId, confirmationId })
      const bodies: string[] = []
      for (let i = 0; i < 2; i++) {
        const { messageId, bodyBase64 } = await bot.event("message")
        bodies.push(Buffer.from(String(bodyBase64), "base64url").toString("hex"))
        await bot.call("acknowledgeMessage", { connectionId, messageId })
      }
      const hash = createHash("sha256").update("hi").digest("hex")
      expect(bodies).toEqual(["006869", `010000000000000002${hash}`])
      const { code, stderr } = await sent
      expect(stderr).toContain("no --server is set: the answers come through the server of the link as well")
      expect(code).toBe(0)
    },
    timeoutMs,
  )

  test(
    "hash and length are checked: a sender that lies ends with exit code 1",
    async () => {
      await using workshop = await Workshop.open()
      const { address } = await workshop.server()
      const receiver = workshop.start(["receive", "p", ...workshop.as("bob"), "--server", address])
      const got = finished(receiver)
      const invitation = await lineOf(receiver.stderr, link)
      const bot = new RpcAgent(workshop.start(["agent", ...workshop.as("bot"), "--server", address]))
      const { connectionId } = await bot.call<{ connectionId: string }>("joinConnection", {
        link: invitation,
      })
      await bot.event("connected")
      for (const hex of ["006869", `010000000000000002${"00".repeat(32)}`])
        await bot.call("sendMessage", {
          connectionId,
          bodyBase64: Buffer.from(hex, "hex").toString("base64url"),
        })
      const { bodyBase64 } = await bot.event("message")
      expect(Buffer.from(String(bodyBase64), "base64url")[0]).toBe(3)
      expect(await got).toMatchObject({ code: 1 })
    },
    timeoutMs,
  )
})
