import { chromium } from "playwright"
import { describe, expect, it } from "vitest"
import { chromiumFor, Site, temporaryFolder } from "./support/site.ts"

const executablePath = chromiumFor("the page without a secure context")

describe.runIf(executablePath)("a page without a secure context", { timeout: 90_000 }, () => {
  it("starts nothing, and says which address to take (security.md Q27)", async () => {
    await using folder = await temporaryFolder()
    await using site = await Site.start(`${folder.path}/server`)
    const { port } = new URL(site.url)
    const browser = await chromium.launch({
      ...(executablePath === undefined ? {} : { executablePath }),
      // For a browser a name in the world without TLS is no secure context, whatever address it has.
      args: ["--no-sandbox", "--host-resolver-rules=MAP chat.example 127.0.0.1"],
    })
    try {
      const page = await browser.newPage()
      await page.goto(`http://chat.example:${port}/`)
      await page.getByRole("heading").first().waitFor()
      expect(await page.evaluate(() => isSecureContext)).toBe(false)
      expect(await page.locator("#page").innerText()).toMatch(/https/i)
      expect(await page.locator("input").count()).toBe(0)
      expect(page.workers()).toEqual([])
      expect(await page.evaluate(() => indexedDB.databases())).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
