import { describe, expect, it } from "vitest"
import type { Person } from "./support/person.ts"
import { connect, passphrase } from "./support/person.ts"
import { chromiumFor, Command } from "./support/site.ts"
import { useSite } from "./support/use-site.ts"

const executablePath =
  chromiumFor("conversations between pages, packages/web/test/conversation.test.ts") ?? ""

describe.skipIf(executablePath === "")("pages", { timeout: 120_000 }, () => {
  const shared = useSite(executablePath)
  const { open } = shared

  it("in two profiles connect and chat; one closes, misses messages, opens again and has them", async () => {
    await using ann = await open("ann")
    {
      await using bob = await open("bob")
      await Promise.all([ann.begin(), bob.begin()])
      await connect(ann, bob)
      await ann.say("hello Bob")
      await bob.bubble("hello Bob").waitFor()
      await ann.bubble("hello Bob").getByLabel("Delivered").waitFor()
      await bob.say("hello Ann\nhow are you?")
      await ann.bubble("how are you?").waitFor()
      expect(bob.offences).toEqual([])
    }
    for (const text of ["one", "two", "three"]) await ann.say(`missed ${text}`)
    await ann.bubble("missed three").getByLabel("Sent: the server has it").waitFor()

    await using bob = await open("bob")
    await bob.unlock()
    await bob.page.getByText("3 unread messages").waitFor()
    await bob.select("Ann")
    for (const text of ["hello Bob", "how are you?", "missed one", "missed two", "missed three"])
      await bob.bubble(text).waitFor()
    await bob.page.getByText("unread").first().waitFor({ state: "detached" })
    await ann.bubble("missed three").getByLabel("Delivered").waitFor()
    expect(await bob.page.locator(".bubble").count()).toBe(5)
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })

  it("see the same security code, and remember that it was compared", async () => {
    await using ann = await open("ann-code")
    await using bob = await open("bob-code")
    await Promise.all([ann.begin(), bob.begin()])
    await connect(ann, bob)
    const code = async (one: Person): Promise<string> => {
      await one.button("Details and security code").click()
      return await one.page.getByLabel("Security code", { exact: true }).innerText()
    }
    const codes = await Promise.all([code(ann), code(bob)])
    expect(codes[0]).toMatch(/\d{5}/)
    expect(codes[0]).toBe(codes[1])
    await ann.page.getByLabel("We have compared it").check()
    await ann.button("Close", ann.dialog).click()
    await ann.page.getByRole("navigation").getByLabel("Verified").waitFor()

    await bob.button("Delete this conversation…").click()
    await bob.button("Delete", bob.dialog).click()
    await bob.page.getByText("Begin your first conversation").waitFor()
    await bob.page.reload()
    await bob.unlock()
    await bob.page.getByText("Begin your first conversation").waitFor()
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })

  it("lock, and open with the passphrase alone", async () => {
    await using ann = await open("ann-lock")
    await ann.begin()
    await ann.invite("Bob")
    await ann.button("Lock now").click()
    await ann.page.getByText("Locked").waitFor()
    expect(await ann.page.locator("body").innerText()).not.toContain("Bob")
    await ann.page.getByLabel("Passphrase").fill("another one")
    await ann.button("Unlock").click()
    await ann.page.getByText("This is not the passphrase.").waitFor()
    await ann.unlock()
    await ann.select("Bob")
    expect(await ann.page.getByLabel("The invitation as a link").inputValue()).toContain(
      "simplex:/invitation",
    )
    // Begin again without a passphrase.
    await ann.button("Lock now").click()
    await ann.button("Forgotten?").click()
    await ann.button("Delete everything").click()
    await ann.page.getByLabel("No passphrase").check()
    await ann.button("Continue without a passphrase").click()
    await ann.page.getByText("Begin your first conversation").waitFor()
    await ann.page.reload()
    await ann.page.getByText("Begin your first conversation").waitFor()
    expect(ann.offences).toEqual([])
  })

  it("take an invitation from the address bar, and out of it", async () => {
    await using ann = await open("ann-fragment")
    await ann.begin()
    const link = await ann.invite("Bob")
    await using bob = await open("bob-fragment", `#${link}`)
    expect(bob.page.url()).toBe(shared.site.url)
    await bob.begin()
    expect(await bob.page.getByLabel("The link that you were given").inputValue()).toBe(link)
    await bob.button("Join", bob.dialog).click()
    await Promise.all([ann.connected(), bob.connected()])
    expect([...ann.offences, ...bob.offences]).toEqual([])
  })

  it("chat with smpkit agent", async () => {
    await using ann = await open("ann-agent")
    await ann.begin()
    await using agent = new Command("agent", "--dir", `${shared.path}/agent`, "--server", shared.site.address)
    const rpc = (id: number, method: string, params: object): void => {
      agent.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }))
    }
    rpc(1, "createConnection", { mode: "invitation" })
    const [, connectionId = ""] = await agent.line(/"id":1,.*"connectionId":"([^"]*)"/)
    const [, link = ""] = await agent.line(/"link":"(simplex:[^"]*)"/)
    await ann.join(link, "Agent")
    const [, confirmationId = ""] = await agent.line(/"type":"confirmation".*"confirmationId":"([^"]*)"/)
    rpc(2, "allowConnection", { connectionId, confirmationId })
    await agent.line(/"type":"connected"/)
    await ann.connected()
    rpc(3, "sendMessage", { connectionId, text: "from the agent" })
    await ann.bubble("from the agent").waitFor()
    await ann.say("from the page")
    const [, messageId = ""] = await agent.line(/"type":"message".*"messageId":(\d+).*"text":"from the page"/)
    rpc(4, "acknowledgeMessage", { connectionId, messageId: Number(messageId) })
    await ann.bubble("from the page").getByLabel("Delivered").waitFor()
    expect(ann.offences).toEqual([])
  })

  it("chat with smpkit chat", async () => {
    await using ann = await open("ann-chat")
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
    await ann.say("from the page")
    await chat.line(/from the page/)
    chat.write("from the terminal")
    await ann.bubble("from the terminal").waitFor()
    expect(ann.offences).toEqual([])
  })

  it("show what smpkit chat --message sends line by line, as it was written", async () => {
    await using ann = await open("ann-alert")
    await ann.begin()
    const link = await ann.invite("Alerts")
    const text = "host: the backup has failed\nrsync: no route\n\n\t95%  /srv"
    const options = ["--dir", `${shared.path}/alerts`, "--server", shared.site.address, "--message", text]
    await using _alerts = new Command("chat", ...options, link)
    const body = ann.bubble("the backup has failed").locator(".body")
    await body.waitFor()
    expect(await body.innerText()).toBe(text)
    expect(ann.offences).toEqual([])
  })

  it("keep nothing readable in the browser's files", async () => {
    await using ann = await open("ann-files")
    await ann.begin()
    await ann.invite("canary-name")
    const found = await ann.page.evaluate(async () => {
      const texts = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]
      for (const { name = "" } of await indexedDB.databases()) {
        const database = await new Promise<IDBDatabase>((resolve, reject) => {
          const request = indexedDB.open(name)
          request.onsuccess = () => {
            resolve(request.result)
          }
          request.onerror = () => {
            reject(new Error("not opened"))
          }
        })
        for (const store of database.objectStoreNames) {
          const all = await new Promise<readonly Uint8Array[]>((resolve) => {
            const request = database.transaction(store).objectStore(store).getAll()
            request.onsuccess = () => {
              resolve(request.result as readonly Uint8Array[])
            }
          })
          texts.push(...all.map((bytes) => new TextDecoder("latin1").decode(bytes)))
        }
      }
      return texts
    })
    expect(found.length).toBeGreaterThan(5)
    const all = found.join("\n")
    for (const canary of ["canary-name", "simplex:/invitation", passphrase]) expect(all).not.toContain(canary)
  })
})
