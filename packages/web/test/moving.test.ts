import { describe, expect, it } from "vitest"
import { connect, passphrase } from "./support/person.ts"
import { chromiumFor, Command } from "./support/site.ts"
import { useSite } from "./support/use-site.ts"

const executablePath = chromiumFor("moves and crashes of pages, packages/web/test/moving.test.ts") ?? ""

describe.skipIf(executablePath === "")("a conversation between pages", { timeout: 180_000 }, () => {
  const shared = useSite(executablePath)
  const { open } = shared

  it("moves to a new queue: both sides are told, and go on talking", async () => {
    await using ann = await open("ann")
    await using bob = await open("bob")
    await Promise.all([ann.begin(), bob.begin()])
    await connect(ann, bob)
    await ann.say("before")
    await bob.bubble("before").waitFor()
    await ann.button("Details and security code").click()
    const places = ann.dialog.locator(".places dd")
    await places.first().waitFor()
    const { host } = new URL(shared.site.address.replace(/^smp:\/\/[^@]*@/, "http://"))
    expect(await places.allInnerTexts()).toEqual([host, host])
    await ann.button("Move to a new place").click()
    await bob.page.getByText(`The other person now receives by a new place on ${host}`).waitFor()
    await ann.page.getByText(`Messages to you now wait in a new place on ${host}`).waitFor()
    // The old one is emptied and deleted, and the dialog says when that is done.
    await ann.button("Move to a new place").waitFor()
    expect(await places.allInnerTexts()).toEqual([host, host])
    await ann.page.keyboard.press("Escape")
    await bob.say("after the move")
    await ann.bubble("after the move").waitFor()
    await ann.say("and back")
    await bob.bubble("and back").waitFor()
    await bob.page.reload()
    await bob.unlock()
    await bob.select("Ann")
    await bob.page.getByText("The other person now receives by a new place").waitFor()
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })

  it("gets new keys from a terminal that asks for them, and says so", async () => {
    await using ann = await open("ann-keys")
    await ann.begin()
    const link = await ann.invite("Chat")
    await using chat = new Command(
      "chat",
      "--dir",
      `${shared.path}/chat`,
      "--server",
      shared.site.address,
      link,
    )
    await ann.connected()
    await ann.button("Details and security code").click()
    await ann.page.getByLabel("We have compared it").check()
    const before = await ann.page.getByLabel("Security code", { exact: true }).innerText()
    await ann.page.keyboard.press("Escape")
    await chat.line(/Connected/)
    chat.write("/renew")
    // It was compared: nobody takes the place of those keys before the user has decided.
    await ann.button("Exchange new keys").click()
    await ann.button("Compare the code").waitFor()
    expect(await ann.page.getByRole("navigation").getByLabel("Verified").count()).toBe(0)
    await ann.button("Compare the code").click()
    const after = await ann.page.getByLabel("Security code", { exact: true }).innerText()
    expect(after).not.toBe(before)
    const [, shown = ""] = await chat.line(/The code to compare is now ([\d ]+)/)
    expect(after.split(/\s+/).join(" ").trim()).toBe(shown.trim())
    await ann.page.getByLabel("We have compared it").check()
    await ann.button("Compare the code").waitFor({ state: "detached" })
    await ann.page.keyboard.press("Escape")
    await ann.say("with new keys")
    await chat.line(/with new keys/)
    chat.write("/move")
    await ann.page.getByText("The other person now receives by a new place").waitFor()
    await chat.line(/Messages to you come by/)
    expect(ann.offences).toEqual([])
  })

  it("has a message in its history exactly if it was sent, whenever the page crashes", async () => {
    await using bob = await open("bob-crash")
    await using ann = await open("ann-crash")
    await Promise.all([ann.begin(), bob.begin()])
    await connect(ann, bob)
    await ann.say("first")
    await bob.bubble("first").waitFor()
    await ann.say("last words")
    const page = await ann.crash(shared.site.url)
    await page.getByLabel("Passphrase").fill(passphrase)
    await ann.button("Unlock", page).click()
    await page.getByRole("navigation").getByRole("button", { name: "Bob" }).click()
    await ann.bubble("first", page).waitFor()
    await page.locator("[data-reach=up]").waitFor()
    const kept = await ann.bubble("last words", page).count()
    if (kept > 0) await bob.bubble("last words").waitFor()
    // Whatever was sent before this has come before it.
    await page.getByPlaceholder("Write a message").fill("again")
    await page.keyboard.press("Enter")
    await bob.bubble("again").waitFor()
    expect(await bob.bubble("last words").count()).toBe(kept)
  })
})
