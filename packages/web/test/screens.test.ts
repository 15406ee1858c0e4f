import { describe, expect, it } from "vitest"

import { chromiumFor } from "./support/site.ts"
import { useSite } from "./support/use-site.ts"

const executablePath = chromiumFor("widths, themes and QR codes, packages/web/test/screens.test.ts") ?? ""

describe.skipIf(executablePath === "")("the page on its screens", { timeout: 120_000 }, () => {
  const shared = useSite(executablePath)
  const { open } = shared

  it("an invitation is read from a picture of its QR code, and joined", async () => {
    await using ann = await open("ann")
    await using bob = await open("bob")
    await Promise.all([ann.begin(), bob.begin()])
    const link = await ann.invite("Bob")
    const picture = await ann.page.getByRole("img", { name: "The invitation as a QR code" }).screenshot()
    await bob.button("Join").click()
    await bob.button("Scan a QR code").click()
    await bob.page
      .locator("input[type=file]")
      .setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: picture })
    await bob.page.getByText("Made on the server").waitFor()
    expect(await bob.page.getByLabel("The link that you were given").inputValue()).toBe(link)
    await bob.button("Join", bob.dialog).click()
    await Promise.all([ann.connected(), bob.connected()])

    // On a phone one thing is shown at a time, and nothing is wider than the screen.
    const { page } = bob
    await page.setViewportSize({ width: 360, height: 740 })
    const tooWide = (): Promise<number> =>
      page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(await page.getByRole("navigation").isVisible()).toBe(false)
    await bob.say("x".repeat(500))
    await bob.bubble("xxx").waitFor()
    expect(await tooWide()).toBeLessThanOrEqual(0)
    await bob.button("Details and security code").click()
    expect(await tooWide()).toBeLessThanOrEqual(0)
    await page.keyboard.press("Escape")
    await bob.button("Back to the conversations").click()
    await page.getByRole("navigation").waitFor()
    expect(await page.getByRole("main").isVisible()).toBe(false)
    expect(await tooWide()).toBeLessThanOrEqual(0)
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })

  it("on a phone, the back button closes a dialog, then the conversation, and leaves the page only then", async () => {
    await using ann = await open("ann-back")
    const { page } = ann
    await page.setViewportSize({ width: 390, height: 844 })
    await ann.begin()
    await ann.invite("Bob")
    const conversation = page.getByRole("main")
    await conversation.waitFor()
    await page.waitForFunction(() => (history.state as { layers?: number } | null)?.layers === 1)
    await ann.button("Details and security code").click()
    await ann.dialog.waitFor()
    await page.waitForFunction(() => (history.state as { layers?: number } | null)?.layers === 2)
    await page.goBack()
    await ann.dialog.waitFor({ state: "detached" })
    expect(await conversation.isVisible()).toBe(true)
    await page.goBack()
    await page.getByRole("navigation").waitFor()
    expect(await conversation.isVisible()).toBe(false)
    expect(page.url()).toBe(shared.site.url)

    // What is closed by its own button leaves no entry behind that would have to be gone through.
    await ann.button("Settings").click()
    await page.waitForFunction(() => (history.state as { layers?: number } | null)?.layers === 1)
    await ann.button("Close").click()
    await page.waitForFunction(() => ((history.state as { layers?: number } | null)?.layers ?? 0) === 0)
    await page.goBack()
    expect(page.url()).toBe("about:blank")
    expect(ann.offences).toEqual([])
  })

  it("follows the device's colours, or the user's choice, also after a reload", async () => {
    await using ann = await open("ann-colours")
    await ann.begin()
    const { page } = ann
    const ground = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    await page.emulateMedia({ colorScheme: "dark" })
    const dark = await ground()
    await page.emulateMedia({ colorScheme: "light" })
    const light = await ground()
    expect(dark).not.toBe(light)
    await ann.button("Settings").click()
    await page.getByLabel("Dark").check()
    expect(await ground()).toBe(dark)
    await page.reload()
    await page.getByRole("heading", { name: "Welcome back" }).waitFor()
    expect(await ground()).toBe(dark)
  })
})
