import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { connect, Person } from "./support/person.ts"
import { chromiumFor, Site, temporaryFolder } from "./support/site.ts"

const executablePath = chromiumFor("bad links and second tabs, packages/web/test/bad-links.test.ts") ?? ""

describe.skipIf(executablePath === "")("a link", { timeout: 120_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let site: Site
  let ann: Person
  let bob: Person
  let used: string
  const open = (name: string): Promise<Person> => Person.open(site.url, folder.path, name, { executablePath })
  beforeAll(async () => {
    folder = await temporaryFolder()
    site = await Site.start(`${folder.path}/server`)
    ann = await open("ann")
    bob = await open("bob")
    await Promise.all([ann.begin(), bob.begin()])
    used = await ann.invite("Bob")
    await bob.join(used, "Ann")
    await Promise.all([ann.connected(), bob.connected()])
  }, 120_000)
  afterAll(async () => {
    await ann[Symbol.asyncDispose]()
    await bob[Symbol.asyncDispose]()
    await site[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  it("that is none, is cut off, is of a newer version, was used, or leads elsewhere ends in a sentence that says what to do", async () => {
    await using eve = await open("eve")
    await eve.begin()
    const cases: readonly (readonly [string, string])[] = [
      [
        "hello, how are you?",
        "There is no invitation in this. An invitation begins with simplex:/invitation.",
      ],
      [used.slice(0, -60), "This invitation is not complete, or was changed on its way."],
      [used.replace("?v=", "?w="), "This invitation is not complete, or was changed on its way."],
      [used.replace(/\?v=[\d-]+/, "?v=98-99"), "This invitation was made by a newer program than this page."],
      [used, "This invitation was used before; each one works once."],
      [
        used.replace(/%3A%2F%2F[\w-]{4}/, "%3A%2F%2FAAAA"),
        "This invitation was made on another server, localhost. This page can reach only the server that it comes from.",
      ],
    ]
    for (const [link, sentence] of cases) {
      await eve.join(link, "")
      await eve.page.getByRole("alert").filter({ hasText: sentence }).waitFor()
      await eve.page.keyboard.press("Escape")
      await eve.dialog.waitFor({ state: "detached" })
    }
    expect(await eve.page.getByText("Begin your first conversation").count()).toBe(1)
    expect(eve.offences).toEqual([])
    // Nothing of it has reached the conversation that the link has made.
    await bob.say("still here")
    await ann.bubble("still here").waitFor()
  })

  it("of its maker's own is refused there", async () => {
    await ann.join(used, "")
    await ann.page.getByRole("alert").filter({ hasText: "This invitation was used before" }).waitFor()
    await ann.page.keyboard.press("Escape")
  })

  it("of a server that cannot be reached waits, and is joined when the server is back", async () => {
    await using cleo = await open("cleo")
    await cleo.begin()
    const link = await ann.invite("Cleo")
    await site[Symbol.asyncDispose]()
    await ann.page.getByText("Connecting again…").waitFor()
    await cleo.join(link, "Ann")
    await cleo.page.getByText("Not joined yet").waitFor()
    await cleo.page
      .getByText("cannot be reached. Check that this device is online, then try again.")
      .waitFor()
    site = await Site.start(`${folder.path}/server`)
    await Promise.all([ann.connected(), cleo.connected()])
    await cleo.say("at last")
    await ann.bubble("at last").waitFor()
  })
})

describe.skipIf(executablePath === "")("a second tab", { timeout: 120_000 }, () => {
  it("says that the first one has the profile, and goes on when that is closed", async () => {
    await using folder = await temporaryFolder()
    await using site = await Site.start(`${folder.path}/server`)
    await using ann = await Person.open(site.url, folder.path, "ann", { executablePath })
    await using bob = await Person.open(site.url, folder.path, "bob", { executablePath })
    await Promise.all([ann.begin(), bob.begin()])
    await connect(ann, bob)
    const second = await ann.anotherTab(site.url)
    await second.getByRole("heading", { name: "Already open" }).waitFor()
    await bob.say("only once")
    await ann.bubble("only once").waitFor()
    await ann.page.close()
    await second.getByRole("heading", { name: "Welcome back" }).waitFor()
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })
})
