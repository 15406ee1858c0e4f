import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { type Browser, type BrowserContext, chromium } from "playwright"

export const executablePath: string = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

/** A browser with its data in `directory`, as somebody starts it, so that it can be killed. */
export class OwnChromium {
  readonly #process: ChildProcess
  readonly #exit: Promise<unknown>
  readonly #browser: Browser
  readonly context: BrowserContext

  private constructor(
    child: ChildProcess,
    exit: Promise<unknown>,
    browser: Browser,
    context: BrowserContext,
  ) {
    this.#process = child
    this.#exit = exit
    this.#browser = browser
    this.context = context
  }

  static async start(directory: string): Promise<OwnChromium> {
    const options = [
      "--headless=new",
      "--no-sandbox",
      "--no-first-run",
      "--remote-debugging-port=0",
      `--user-data-dir=${directory}`,
      "about:blank",
    ]
    // A group of its own: the browser has many processes.
    const child = spawn(executablePath, options, { detached: true, stdio: ["ignore", "ignore", "pipe"] })
    const exit = once(child, "exit")
    const browser = await chromium.connectOverCDP(await debuggerUrl(child))
    const [context] = browser.contexts()
    if (context === undefined) throw new Error("the browser has no context")
    return new OwnChromium(child, exit, browser, context)
  }

  /** Ends all of its processes at once. */
  async kill(): Promise<void> {
    if (this.#process.pid !== undefined) process.kill(-this.#process.pid, "SIGKILL")
    await this.#exit
    await this.#browser.close()
  }
}

async function debuggerUrl({ stderr }: ChildProcess): Promise<string> {
  if (stderr === null) throw new Error("no output")
  for await (const line of createInterface(stderr)) {
    const url = /DevTools listening on (ws:\S+)/.exec(line)?.[1]
    if (url !== undefined) {
      stderr.resume()
      return url
    }
  }
  throw new Error("the browser did not start")
}
