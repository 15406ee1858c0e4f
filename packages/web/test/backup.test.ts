import { readFile, writeFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { Service } from "../src/worker/service.ts"
import { FakeAgent, openRecords } from "./fake-agent.ts"
import type { Person } from "./support/person.ts"
import { connect, passphrase } from "./support/person.ts"
import { chromiumFor } from "./support/site.ts"
import { useSite } from "./support/use-site.ts"

const executablePath = chromiumFor("backups of a profile, packages/web/test/backup.test.ts") ?? ""
const base = "http://localhost:8080/"

async function openService(chosen: string): Promise<Service> {
  const records = await openRecords()
  const service = new Service({
    openProfile: () => Promise.resolve({ agent: new FakeAgent(), records }),
    restoreProfile: () => Promise.resolve(),
    profileExists: () => Promise.resolve(true),
    deleteProfile: () => Promise.resolve(),
    fetchServers: () => Promise.resolve([]),
    emit: () => undefined,
    now: () => 0,
    every: () => ({ [Symbol.dispose]: () => undefined }),
  })
  await service.call("open", { base, passphrase: chosen, allowEmpty: true })
  return service
}

describe("the worker", () => {
  it("gives no backup of a profile without a passphrase, whoever asks: it would hold open keys", async () => {
    const open = await openService("")
    await expect(open.call("backup", {})).rejects.toMatchObject({ code: "UNSEALED" })
    const sealed = await openService("a passphrase")
    const { file } = await sealed.call("backup", {})
    expect(await file.text()).toBe("smpkit agent store\n")
    await sealed.call("lock", {})
    await expect(sealed.call("backup", {})).rejects.toMatchObject({ code: "NOT_OPEN" })
  })

  it("puts no backup in the place of the profile that is open", async () => {
    const service = await openService("a passphrase")
    const restored = service.call("restore", { base, file: new Blob([]), passphrase: "x" })
    await expect(restored).rejects.toMatchObject({ code: "ALREADY_OPEN" })
  })
})

describe.skipIf(executablePath === "")("a backup", { timeout: 180_000 }, () => {
  const shared = useSite(executablePath)
  const { open } = shared

  /** Saves a backup in the folder; resolves with its path. */
  async function save(person: Person): Promise<string> {
    await person.button("Settings").click()
    const downloading = person.page.waitForEvent("download")
    await person.button("Save a backup", person.dialog).click()
    const download = await downloading
    expect(download.suggestedFilename()).toMatch(/^smpkit-\d{4}-\d\d-\d\d\.smpkit$/)
    await person.dialog.getByText(`Your browser saves it as ${download.suggestedFilename()}.`).waitFor()
    const path = `${shared.path}/${download.suggestedFilename()}`
    await download.saveAs(path)
    return path
  }

  it("opens in another browser: the conversations are there, get new keys, and go on both ways", async () => {
    await using ann = await open("ann")
    await ann.begin()
    let path: string
    {
      await using bob = await open("bob")
      await bob.begin()
      await connect(ann, bob)
      await bob.invite("Cleo")
      await bob.select("Ann")
      await ann.say("hello Bob\nin two lines")
      await bob.bubble("in two lines").waitFor()
      await bob.say("hello Ann")
      await ann.bubble("hello Ann").waitFor()
      path = await save(bob)
      expect(bob.offences).toEqual([])
    }

    await using bob = await open("bob-elsewhere")
    await bob.button("Open a backup").click()
    await bob.page.locator("input[type=file]").setInputFiles(path)
    await bob.page.getByLabel("Passphrase").fill(passphrase)
    await bob.button("Open").click()
    await bob.button("Lock now").waitFor()
    await bob.select("Ann")
    await bob.bubble("hello Ann").waitFor()
    await bob.say("from the new place")
    await ann.bubble("from the new place").waitFor()
    for (const person of [ann, bob])
      await person.page.getByText("New keys are in use, and the security code is another one").waitFor()
    await ann.say("welcome back")
    await bob.bubble("welcome back").waitFor()
    expect(await bob.bubble("hello Bob").locator(".body").innerText()).toBe("hello Bob\nin two lines")
    expect(await bob.page.locator(".bubble").count()).toBe(4)

    // An invitation that nobody had answered is still one.
    await bob.select("Cleo")
    const link = await bob.page.getByLabel("The invitation as a link").inputValue()
    await using cleo = await open("cleo")
    await cleo.begin()
    await cleo.join(link, "Bob")
    await Promise.all([bob.connected(), cleo.connected()])
    await cleo.say("it is me")
    await bob.bubble("it is me").waitFor()

    // It locks, and unlocks with the passphrase of the backup.
    await bob.button("Lock now").click()
    await bob.unlock()
    expect([...ann.offences, ...bob.offences, ...cleo.offences]).toEqual([])
  })

  it("asks before it gives up the keys of a conversation whose code was compared", async () => {
    await using ann = await open("ann-verified")
    let path: string
    {
      await using bob = await open("bob-verified")
      await Promise.all([ann.begin(), bob.begin()])
      await connect(ann, bob)
      await bob.button("Details and security code").click()
      await bob.page.getByLabel("We have compared it").check()
      await bob.page.keyboard.press("Escape")
      path = await save(bob)
    }
    await using bob = await open("bob-verified-elsewhere")
    await bob.button("Open a backup").click()
    await bob.page.locator("input[type=file]").setInputFiles(path)
    await bob.page.getByLabel("Passphrase").fill(passphrase)
    await bob.button("Open").click()
    await bob.select("Ann")
    await bob.page.getByText("This profile came back from a copy").waitFor()
    expect(await bob.page.getByRole("navigation").getByLabel("Verified").count()).toBe(1)
    await bob.button("Exchange new keys").click()
    await bob.button("Compare the code").waitFor()
    expect(await bob.page.getByRole("navigation").getByLabel("Verified").count()).toBe(0)
    await bob.say("with new keys")
    await ann.bubble("with new keys").waitFor()
    await ann.say("and back")
    await bob.bubble("and back").waitFor()
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })

  it("that cannot be opened says why in plain words, and leaves nothing behind", async () => {
    await using ann = await open("ann-errors")
    await ann.begin()
    const path = await save(ann)
    const good = await readFile(path)
    const newer = Uint8Array.from(good)
    newer[20] = 2
    const files = { cut: good.subarray(0, -1), newer, other: new TextEncoder().encode("a shopping list") }
    for (const [name, content] of Object.entries(files)) await writeFile(`${shared.path}/${name}`, content)

    await using bob = await open("bob-errors")
    const { page } = bob
    await bob.button("Open a backup").click()
    const chooser = page.locator("input[type=file]")
    const attempt = async (file: string, words: string, sentence: string): Promise<void> => {
      await chooser.setInputFiles(file)
      await page.getByLabel("Passphrase").fill(words)
      await bob.button("Open").click()
      await page.getByText(sentence).waitFor()
    }
    await chooser.setInputFiles(`${shared.path}/other`)
    await page.getByText("This file is no backup of these conversations.").waitFor()
    expect(await bob.button("Open").isEnabled()).toBe(false)
    await attempt(path, "another one", "This is not the passphrase.")
    await attempt(`${shared.path}/cut`, passphrase, "This backup was damaged or cut off")
    await attempt(`${shared.path}/newer`, passphrase, "This was written by a newer version of this page.")
    await page.reload()
    await bob.button("Begin").waitFor()
    await bob.begin()
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })

  it("is not offered to a profile without a passphrase", async () => {
    await using ann = await open("ann-none")
    await ann.page.getByLabel("No passphrase").check()
    await ann.button("Continue without a passphrase").click()
    await ann.button("Settings").click()
    await ann.dialog.getByText("Only what has a passphrase can be saved").waitFor()
    expect(await ann.button("Save a backup").count()).toBe(0)
  })
})
