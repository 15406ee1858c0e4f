import type { Page } from "playwright"
import { describe, expect, it } from "vitest"
import { connect, passphrase } from "./support/person.ts"
import { chromiumFor } from "./support/site.ts"
import { useSite } from "./support/use-site.ts"

const executablePath = chromiumFor("the page by keyboard, packages/web/test/keyboard.test.ts") ?? ""

/** The element that has the focus: its name for a screen reader, and whether it can be seen that it has it. */
async function focused(page: Page): Promise<{ readonly name: string; readonly visible: boolean }> {
  return await page.evaluate(() => {
    const element = document.activeElement
    if (!(element instanceof HTMLElement) || element === document.body) return { name: "", visible: true }
    const label =
      "labels" in element
        ? [...((element.labels as NodeListOf<HTMLElement> | null) ?? [])][0]?.innerText
        : undefined
    const name = element.getAttribute("aria-label") ?? label ?? element.innerText
    const shown = element.matches(".choice input") ? element.nextElementSibling : element
    const isTarget = element.matches("h1, dialog")
    const outline = shown === null ? "" : getComputedStyle(shown).outlineStyle
    return { name: name.trim(), visible: isTarget || outline !== "none" }
  })
}

/** Presses Tab until something of this name has the focus; everything on the way shows that it has it. */
async function tabTo(page: Page, name: string, key = "Tab"): Promise<void> {
  for (let n = 0; n < 40; n++) {
    const now = await focused(page)
    expect(now.visible, `the focus on "${now.name}" is seen`).toBe(true)
    if (now.name.startsWith(name)) return
    await page.keyboard.press(key)
  }
  throw new Error(`nothing called "${name}" is reached by ${key}`)
}

describe.skipIf(executablePath === "")("by keyboard alone", { timeout: 120_000 }, () => {
  const shared = useSite(executablePath)

  it("a profile is made, an invitation too, and everything is reached", async () => {
    await using ann = await shared.open("ann")
    const { page } = ann
    await page.getByLabel("Passphrase", { exact: true }).waitFor()
    await tabTo(page, "Passphrase")
    await page.keyboard.type(passphrase)
    await tabTo(page, "Once more")
    await page.keyboard.type(passphrase)
    await page.keyboard.press("Enter")
    await ann.button("Lock now").waitFor()
    for (const name of ["Settings", "Lock now", "Invite", "Join", "Invite somebody", "I have an invitation"])
      await tabTo(page, name)

    await tabTo(page, "Invite", "Shift+Tab")
    await tabTo(page, "Settings", "Shift+Tab")
    await page.keyboard.press("Enter")
    await ann.dialog.waitFor()
    await tabTo(page, "Lock when nobody uses the page")
    await tabTo(page, "Let others know")
    await page.keyboard.press("Escape")
    await ann.dialog.waitFor({ state: "detached" })
    expect((await focused(page)).name).toBe("Settings")

    await tabTo(page, "Invite")
    await page.keyboard.press("Enter")
    await ann.dialog.waitFor()
    await tabTo(page, "Who is it for?")
    await page.keyboard.type("Bob")
    await page.keyboard.press("Enter")
    await page.getByLabel("The invitation as a link").waitFor()
    expect((await focused(page)).name).toBe("Bob")
    await tabTo(page, "The invitation as a link")
    await tabTo(page, "Copy")
    expect(ann.offences).toEqual([])
  })

  it("a dialog that is opened before the browser has told the end of the last one stays open", async () => {
    await using ann = await shared.open("ann-quick")
    const { page } = ann
    await ann.begin()
    await ann.button("Settings").click()
    await ann.dialog.waitFor()
    await page.evaluate(() => {
      document.querySelector("dialog")?.close()
      for (const button of document.querySelectorAll<HTMLElement>(".sidebar-begin button"))
        if (button.innerText.trim() === "Invite") button.click()
    })
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)))
    expect(await page.getByLabel("Who is it for?").isVisible()).toBe(true)
  })

  it("Enter sends, Shift and Enter begins a line, Escape goes back to the list", async () => {
    await using ann = await shared.open("ann-keys")
    await using bob = await shared.open("bob-keys")
    await Promise.all([ann.begin(), bob.begin()])
    await connect(ann, bob)
    const { page } = ann
    await tabTo(page, "Message to Bob")
    await page.keyboard.type("first")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second")
    await page.keyboard.press("Enter")
    await bob.bubble("second").waitFor()
    expect(await bob.page.locator(".body").innerText()).toBe("first\nsecond")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    expect((await focused(page)).name).toMatch(/Bob/)
    expect(await page.getByPlaceholder("Write a message").count()).toBe(0)

    // What comes while another thing is looked at is said, counted, and found by keyboard.
    await bob.say("are you there?")
    await page
      .locator("[aria-live=polite]")
      .filter({ hasText: "Bob: are you there?" })
      .waitFor({ state: "attached" })
    expect(await page.title()).toBe("(1) smpkit")
    await page.keyboard.press("Enter")
    await ann.bubble("are you there?").waitFor()
    await page.waitForFunction(() => document.title === "smpkit")
    expect(await page.locator(".bubble").count()).toBe(2)
  })
})
