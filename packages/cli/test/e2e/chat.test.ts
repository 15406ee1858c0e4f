import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { once } from "node:events"
import { readFile, stat } from "node:fs/promises"
import { describe, expect, test } from "vitest"
import { lineOf, Workshop } from "./processes.ts"

const say = (child: ChildProcessWithoutNullStreams, line: string): boolean => child.stdin.write(`${line}\n`)

describe("smpkit chat in a pipe", () => {
  test("an invitation as text and as a QR code in a file, a talk with receipts, and going on the next day", async () => {
    await using workshop = await Workshop.open()
    const { address } = await workshop.server()
    const alice = workshop.start([
      "chat",
      ...workshop.as("alice"),
      "--server",
      address,
      "--qr",
      workshop.path("qr.svg"),
    ])
    const link = await lineOf(alice.stdout, /^(simplex:\S+)$/)
    const bob = workshop.start(["chat", ...workshop.as("bob"), "--server", address, link])
    const received = lineOf(bob.stdout, /^(✓✓ #\d+ received|\s+✓✓ #\d+ received)$/)
    say(bob, "hello Alice")
    expect(await lineOf(alice.stdout, /^them: (.*)$/)).toBe("hello Alice")
    say(alice, "hello \u001b[31mBob")
    expect(await lineOf(bob.stdout, /^them: (.*)$/)).toBe("hello \\x1b[31mBob")
    await received
    expect(await readFile(workshop.path("qr.svg"), "utf8")).toMatch(/^<svg/)
    expect((await stat(workshop.path("qr.svg"))).mode & 0o077).toBe(0)
    say(alice, "/quit")
    say(bob, "/quit")
    const ends = await Promise.all([once(alice, "exit"), once(bob, "exit")])
    expect(ends.map(([code]) => code as unknown)).toEqual([0, 0])

    const later = workshop.start(["chat", ...workshop.as("bob")])
    say(later, "still there?")
    const again = workshop.start(["chat", ...workshop.as("alice")])
    expect(await lineOf(again.stdout, /^them: (.*)$/)).toBe("still there?")
  }, 120_000)
})
