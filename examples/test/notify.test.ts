import { stat, writeFile } from "node:fs/promises"
import { expect, test } from "vitest"
import { command, type Finished, finished, lineOf, Workshop } from "../../packages/cli/test/e2e/processes.ts"
import { example, say } from "./processes.ts"

test("an alert of a shell script arrives in a conversation, the next one without the invitation, and a text is never a command", async () => {
  await using workshop = await Workshop.open()
  const { address } = await workshop.server()
  const person = workshop.start(["chat", ...workshop.as("me"), "--server", address])
  const link = await lineOf(person.stdout, /^(simplex:\S+)$/)

  const dir = workshop.path("notify")
  const environment = { NOTIFY_DIR: dir, SMPKIT: `${process.execPath} ${command}` }
  const notify = (title: string, text = ""): Promise<Finished> => {
    const child = workshop.spawn("/bin/sh", [example("notify/notify.sh"), title], environment)
    child.stdin.end(text)
    return finished(child)
  }
  // Before it has an invitation it says so, and the person's file goes to a folder that only its owner reads.
  expect(await notify("too early")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("give the link") as string,
  })
  expect((await stat(dir)).mode & 0o077).toBe(0)
  await writeFile(`${dir}/invitation`, `${link}\n`)

  const first = lineOf(person.stdout, /^them: (.*)$/)
  const details = lineOf(person.stdout, /^ {4}\| (.*full)$/)
  expect(await notify("backup failed", "disk \u001b[31mfull\n/quit\n")).toMatchObject({ code: 0 })
  expect(await first).toMatch(/^\S+: backup failed$/)
  expect(await details).toBe("disk \\x1b[31mfull")

  // The invitation is used up and gone; the next alert needs none, and what looks like a command of the chat is a text.
  await expect(stat(`${dir}/invitation`)).rejects.toThrow("ENOENT")
  const second = lineOf(person.stdout, /^them: (.*second)$/)
  expect(await notify("/delete 1 second")).toMatchObject({ code: 0, stdout: Buffer.alloc(0) })
  expect(await second).toMatch(/: \/delete 1 second$/)

  // It goes both ways: what the person answers waits for `smpkit chat` with the folder of the alerts.
  say(person, "thank you")
  await lineOf(person.stdout, /(✓ #\d+ sent)$/)
  say(person, "/quit")
  expect((await finished(person)).code).toBe(0)
}, 120_000)
