import { readFile } from "node:fs/promises"
import { expect, test } from "vitest"
import { finished, lineOf, Workshop } from "../../packages/cli/test/e2e/processes.ts"
import { example, say, startExample } from "./processes.ts"

test("the echo bot is some ten lines", async () => {
  const lines = (await readFile(example("echo-bot/bot.ts"), "utf8")).split("\n")
  const code = lines.filter((line) => !/^\s*(\/\/.*)?$/.test(line))
  expect(code.length).toBeLessThanOrEqual(12)
})

test("the echo bot answers several people by one short link, stops at a signal, and goes on where it stopped", async () => {
  await using workshop = await Workshop.open()
  const { address } = await workshop.server()
  let bot = startExample(workshop, "echo-bot/dist/bot.js", [workshop.path("bot"), address])
  const link = await lineOf(bot.stdout, /^(https:\/\/localhost\S*\/a#\S+)$/)
  for (const name of ["alice", "bob"]) {
    const person = workshop.start(["chat", ...workshop.as(name), "--server", address, link])
    say(person, `hello from ${name}`)
    expect(await lineOf(person.stdout, /^them: (.*)$/)).toBe(`hello from ${name}`)
    say(person, "/quit")
    expect((await finished(person)).code).toBe(0)
  }

  const stopped = finished(bot)
  bot.kill("SIGINT")
  expect(await stopped).toMatchObject({ code: 0, stderr: "" })
  const alice = workshop.start(["chat", ...workshop.as("alice")])
  say(alice, "still there?")
  const sent = lineOf(alice.stdout, /^(\s*✓ #\d+ sent)$/)
  const answered = lineOf(alice.stdout, /^them: (.*)$/)
  await sent
  bot = startExample(workshop, "echo-bot/dist/bot.js", [workshop.path("bot")])
  expect(await lineOf(bot.stdout, /^(https:\S+)$/)).toBe(link)
  expect(await answered).toBe("still there?")
}, 120_000)
