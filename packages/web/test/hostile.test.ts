import { describe, expect, it } from "vitest"
import type { Person } from "./support/person.ts"
import { connect } from "./support/person.ts"
import { chromiumFor } from "./support/site.ts"
import { useSite } from "./support/use-site.ts"

const executablePath = chromiumFor("hostile input to the page, packages/web/test/hostile.test.ts") ?? ""

/** What runs as script when it is taken for markup leaves this behind. */
const trap = "globalThis.trapped=1"
const elsewhere = "https://elsewhere.example"

// security.md Q28: hostile names, texts, links and file names, under the policy that the server sends.
describe.skipIf(executablePath === "")("hostile input", { timeout: 120_000 }, () => {
  const shared = useSite(executablePath)
  const { open } = shared

  const trapped = (one: Person): Promise<unknown> =>
    one.page.evaluate(() => (globalThis as { readonly trapped?: unknown }).trapped)
  /** Elements that this page never makes. */
  const foreign = (one: Person): Promise<number> =>
    one.page
      .locator(
        "#page :is(img, script, iframe, object, embed, base, link, style, math, svg svg, [onerror], [style])",
      )
      .count()

  it("is text, in messages, names and previews", async () => {
    await using ann = await open("ann")
    await using bob = await open("bob")
    await Promise.all([ann.begin(), bob.begin()])
    await connect(ann, bob)
    const texts = [
      `<img src="${elsewhere}/x.png" onerror="${trap}">`,
      `<script>${trap}</script><svg onload="${trap}"><a href="javascript:${trap}">click</a></svg>`,
      `"><iframe srcdoc="<script>${trap}</script>"></iframe>`,
      `javascript:${trap}`,
      `data:text/html,<script>${trap}</script>`,
      `{{constructor.constructor('${trap}')()}} \${${trap}}`,
      "![picture](https://elsewhere.example/y.png) [x](javascript:alert(1))",
      "photo\u202egpj.exe",
      `\u0000\u001b]0;title\u0007 ${"Z\u0341\u0342".repeat(200)}`,
      `${elsewhere}/a" onclick="${trap}`,
    ]
    for (const text of texts) await ann.say(text)
    await bob.bubble("onclick").waitFor()
    expect(await bob.page.locator(".bubble").count()).toBe(texts.length)
    for (const one of [ann, bob]) {
      expect(await foreign(one)).toBe(0)
      expect(await one.page.locator(".bubble").first().innerText()).toContain("<img src=")
      expect(await one.bubble("photo").innerText()).toContain("photo\\u202egpj.exe")
    }
    const hrefs = await bob.page
      .locator(".bubble a")
      .evaluateAll((links) => links.map((link) => [link.getAttribute("href"), link.getAttribute("rel")]))
    expect(hrefs.length).toBeGreaterThan(0)
    for (const [href, rel] of hrefs) {
      expect(href).toMatch(/^https:\/\/elsewhere\.example\//)
      expect(rel).toContain("noopener")
    }

    // A name that somebody was talked into.
    await bob.button("Details and security code").click()
    await bob.page.getByLabel("Name", { exact: true }).fill(`<b onmouseover=${trap}>x</b>\u202e`)
    await bob.button("Save").click()
    await bob.page.getByRole("heading", { name: "<b onmouseover=" }).waitFor()
    await bob.button("Close", bob.dialog).click()
    expect(await foreign(bob)).toBe(0)
    for (const one of [ann, bob]) {
      expect(await trapped(one)).toBeUndefined()
      expect(one.offences).toEqual([])
    }
  })

  it("opens a link in a tab that cannot reach back, and only on a click", async () => {
    await using ann = await open("ann-link")
    await using bob = await open("bob-link")
    await Promise.all([ann.begin(), bob.begin()])
    await connect(ann, bob)
    // The site itself stands for another one: no request may leave this machine.
    await ann.say(`see ${shared.site.url}?other`)
    const link = bob.page.locator(".bubble a")
    await link.waitFor()
    const [opened] = await Promise.all([bob.page.waitForEvent("popup"), link.click()])
    expect(await opened.evaluate(() => [globalThis.opener === null, document.referrer])).toEqual([true, ""])
    expect(bob.offences).toEqual([])
  })

  it("in the address bar does nothing, and leaves it", async () => {
    for (const [n, fragment] of [
      `#<img src=x onerror=${trap}>`,
      `#javascript:${trap}`,
      `#simplex:/invitation#/?v=<script>${trap}</script>`,
      "#%",
      `#${"x".repeat(40_000)}`,
    ].entries()) {
      await using ann = await open(`ann-fragment-${n}`, fragment)
      await ann.page.getByLabel("Passphrase", { exact: true }).waitFor()
      expect(ann.page.url()).toBe(shared.site.url)
      expect(await foreign(ann)).toBe(0)
      expect(await trapped(ann)).toBeUndefined()
      expect(ann.offences).toEqual([])
    }
  })

  it("as a file's name is text, and a picture without a code says so", async () => {
    await using ann = await open("ann-file")
    await ann.begin()
    // A camera that fails late does not hide what is told about the picture.
    await ann.page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () =>
        new Promise((_, reject) => {
          setTimeout(() => {
            document.title = "no camera"
            reject(new Error("no camera"))
          }, 1000)
        })
    })
    await ann.button("Join").click()
    await ann.button("Scan a QR code").click()
    await ann.page.locator("input[type=file]").setInputFiles({
      name: `<img src=x onerror=${trap}>.png`,
      mimeType: "image/png",
      buffer: Buffer.from("no picture"),
    })
    await ann.page.waitForFunction(() => document.title === "no camera")
    await ann.page.getByText("There is no QR code to be found in this picture.").waitFor()
    await ann.page.getByText(`<img src=x onerror=${trap}>.png`).waitFor()
    expect(await foreign(ann)).toBe(0)
    expect(await trapped(ann)).toBeUndefined()
    expect(ann.offences).toEqual([])
  })

  it("would be noticed: what the policy forbids is counted here", async () => {
    await using ann = await open("ann-control")
    await ann.page.getByLabel("Passphrase", { exact: true }).waitFor()
    const refused = await ann.page.evaluate(async (address) => {
      const outcomes: string[] = []
      const attempt = async (name: string, f: () => unknown): Promise<void> => {
        try {
          await f()
          outcomes.push(`${name} went through`)
        } catch {
          outcomes.push(`${name} refused`)
        }
      }
      await attempt("markup", () => {
        document.body.innerHTML = "<p>x"
      })
      await attempt("script", () => {
        document.createElement("script").textContent = "1"
      })
      await attempt("request", () => fetch(address, { mode: "no-cors" }))
      await attempt("worker", () => new Worker("data:text/javascript,0"))
      return outcomes
    }, elsewhere)
    expect(refused).toEqual(["markup refused", "script refused", "request refused", "worker refused"])
    expect(ann.offences.length).toBeGreaterThanOrEqual(3)
  })
})
