import { describe, expect, test } from "vitest"
import { Workshop } from "./processes.ts"

const commands = [
  [],
  ["server"],
  ["server", "init"],
  ["server", "start"],
  ["server", "address"],
  ["server", "renew"],
  ["agent"],
  ["agent", "export"],
  ["agent", "import"],
  ["chat"],
  ["web"],
  ["send"],
  ["receive"],
  ["bench"],
  ["demo"],
] as const

describe("help", () => {
  test.each(commands.map((command) => [command.join(" "), command] as const))(
    "smpkit %s --help has an example",
    async (name, command) => {
      await using workshop = await Workshop.open()
      const { code, stdout, stderr } = await workshop.run([...command, "--help"])
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
      expect(stdout.toString()).toMatch(new RegExp(`^Usage: smpkit ?${name}`))
      expect(stdout.toString()).toMatch(/\nExample:\n {2}smpkit /)
    },
  )

  test("--version prints the version of the package", async () => {
    await using workshop = await Workshop.open()
    expect((await workshop.run(["--version"])).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
