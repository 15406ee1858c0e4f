import { existsSync } from "node:fs"
import { chromium } from "playwright"
import { BenchError } from "../failure.mjs"

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium"
const passphrase = "correct horse battery staple"

/** A browser with a profile in `dir`. */
export async function openBrowser(dir) {
  if (!existsSync(executablePath))
    throw new BenchError(
      `there is no Chromium at ${executablePath}: install one, or set CHROMIUM to its path`,
    )
  return await chromium.launchPersistentContext(dir, { executablePath, args: ["--no-sandbox"] })
}

/** Milliseconds that Chromium takes for a page with nothing on it, and for the key of a store. */
export async function limitTimes(browser, url) {
  const page = await browser.newPage()
  const emptyPageMs = await timed(() => page.goto(url))
  const keyMs = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const worker = new globalThis.Worker("/worker.js", { type: "module" })
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = ({ message }) => reject(new Error(message))
      }),
  )
  await page.close()
  return { emptyPageMs, keyMs }
}

/** The chat page from its first byte to the first answer of the server, as somebody new sees it, and once more when it is known. */
export async function pageTimes(browser, url) {
  const page = await browser.newPage()
  const field = page.getByLabel("Passphrase", { exact: true })
  const open = page.getByRole("button", { name: "Lock now" })
  const screenMs = await timed(async () => {
    await page.goto(url)
    await field.waitFor()
  })
  await field.fill(passphrase)
  await page.getByLabel("Once more").fill(passphrase)
  const openMs = await timed(async () => {
    await page.getByRole("button", { name: "Begin" }).click()
    await open.waitFor()
  })
  await page.getByRole("button", { name: "Invite", exact: true }).click()
  await page.getByLabel("Who is it for?").fill("Bob")
  const invitationMs = await timed(async () => {
    await page.getByRole("button", { name: "Make the invitation" }).click()
    await page.getByLabel("The invitation as a link").waitFor()
  })
  const transferredBytes = await transferred(page)
  const screenAgainMs = await timed(async () => {
    await page.reload()
    await field.waitFor()
  })
  await page.close()
  return { transferredBytes, screenMs, openMs, invitationMs, screenAgainMs }
}

/** Bytes that came over the wire for the page and its workers, heads included, as the browser counted them. */
async function transferred(page) {
  const count = () => {
    const entries = [
      ...performance.getEntriesByType("navigation"),
      ...performance.getEntriesByType("resource"),
    ]
    return entries.map(({ name, transferSize }) => [name, transferSize])
  }
  const lists = await Promise.all([page, ...page.workers()].map((place) => place.evaluate(count)))
  // A worker's own file can stand in the page's list and in its own.
  const sizes = new Map()
  for (const [name, size] of lists.flat()) sizes.set(name, Math.max(size, sizes.get(name) ?? 0))
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}
