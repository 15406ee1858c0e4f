import { join } from "node:path"
import { type BrowserContext, chromium, type Locator, type Page } from "playwright"

export const passphrase = "correct horse battery staple"

/** Somebody with a browser and a profile of their own, on a folder that outlives the browser. */
export class Person implements AsyncDisposable {
  readonly page: Page
  /** Requests to anywhere but the site, errors on the console (a violation of the policy is one), and uncaught errors. */
  readonly offences: string[]
  readonly #context: BrowserContext

  private constructor(context: BrowserContext, page: Page, offences: string[]) {
    this.#context = context
    this.page = page
    this.offences = offences
  }

  /** Opens the page in the profile `name` below `dir`. */
  static async open(
    url: string,
    dir: string,
    name: string,
    { executablePath, fragment = "" }: { readonly executablePath: string; readonly fragment?: string },
  ): Promise<Person> {
    const context = await chromium.launchPersistentContext(join(dir, `browser-${name}`), {
      executablePath,
      args: ["--no-sandbox"],
      viewport: { width: 1100, height: 750 },
    })
    const offences: string[] = []
    const { origin } = new URL(url)
    context.on("request", (request) => {
      const target = new URL(request.url())
      if (target.origin !== origin && target.protocol !== "blob:")
        offences.push(`request to ${target.origin}`)
    })
    context.on("console", (message) => {
      // A request that finds no server is not the page's offence.
      if (message.type() === "error" && !message.text().includes("net::ERR_")) offences.push(message.text())
    })
    context.on("weberror", (error) => offences.push(error.error().message))
    context.on("dialog", (dialog) => {
      offences.push(`a dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    const page = context.pages()[0] ?? (await context.newPage())
    await page.goto(url + fragment)
    return new Person(context, page, offences)
  }

  /** Another tab of the same profile. */
  async anotherTab(url: string): Promise<Page> {
    const page = await this.#context.newPage()
    await page.goto(url)
    return page
  }

  /** Ends this tab's processes, with the agent's worker, as a crash does, and opens the page in a new one. */
  async crash(url: string): Promise<Page> {
    const crashed = this.page.waitForEvent("crash")
    this.page.goto("chrome://crash").catch(() => undefined)
    await crashed
    return await this.anotherTab(url)
  }

  button(name: string, within: Page | Locator = this.page): Locator {
    return within.getByRole("button", { name, exact: true })
  }

  get dialog(): Locator {
    return this.page.getByRole("dialog")
  }

  /** The first start: chooses a passphrase. */
  async begin(): Promise<void> {
    await this.page.getByLabel("Passphrase", { exact: true }).fill(passphrase)
    await this.page.getByLabel("Once more").fill(passphrase)
    await this.button("Begin").click()
    await this.button("Lock now").waitFor()
  }

  async unlock(): Promise<void> {
    await this.page.getByLabel("Passphrase").fill(passphrase)
    await this.button("Unlock").click()
    await this.button("Lock now").waitFor()
  }

  /** Makes an invitation; resolves with its link. */
  async invite(name: string): Promise<string> {
    await this.button("Invite").click()
    await this.page.getByLabel("Who is it for?").fill(name)
    await this.button("Make the invitation").click()
    return await this.page.getByLabel("The invitation as a link").inputValue()
  }

  /** Fills the dialog for joining, and presses its button where it may be pressed. */
  async join(link: string, name: string): Promise<void> {
    await this.button("Join").click()
    await this.page.getByLabel("The link that you were given").fill(link)
    await this.page.getByLabel("Who is it from?").fill(name)
    const join = this.button("Join", this.dialog)
    if (await join.isEnabled()) await join.click()
  }

  async connected(): Promise<void> {
    await this.page.getByPlaceholder("Write a message").waitFor()
  }

  async say(text: string): Promise<void> {
    const input = this.page.getByPlaceholder("Write a message")
    await input.fill(text)
    await input.press("Enter")
  }

  /** The bubble that holds a text. */
  bubble(text: string, within: Page = this.page): Locator {
    return within.locator(".bubble", { hasText: text })
  }

  async select(name: string): Promise<void> {
    await this.page.getByRole("navigation").getByRole("button", { name }).click()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close()
  }
}

/** Connects two people: the first one invites. */
export async function connect(one: Person, other: Person): Promise<void> {
  const link = await one.invite("Bob")
  await other.join(link, "Ann")
  await Promise.all([one.connected(), other.connected()])
}
