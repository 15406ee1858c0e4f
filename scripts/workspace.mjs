import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { spawn } from "node:child_process"

/** The root of the workspace, with a slash at its end. */
export const root = fileURLToPath(new URL("../", import.meta.url))

export const readText = (path) => readFileSync(`${root}${path}`, "utf8")
export const readJson = (path) => JSON.parse(readText(path))
export const exists = (path) => existsSync(`${root}${path}`)

/** Directory, manifest and entries (`""` or `/tls`, with the path of the declarations) of each package. */
export const packages = readdirSync(`${root}packages`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && exists(`packages/${entry.name}/package.json`))
  .map((entry) => {
    const directory = `packages/${entry.name}`
    const manifest = readJson(`${directory}/package.json`)
    const entries = Object.entries(manifest.exports ?? {})
      .filter(([, target]) => typeof target === "object" && typeof target.types === "string")
      .map(([path, target]) => ({ path: path.slice(1), types: target.types }))
    return { name: entry.name, directory, manifest, entries }
  })

/** Runs git here, also where the checkout belongs to somebody else; throws when git fails. */
export async function git(...args) {
  const { code, output } = await run("git", ["-c", `safe.directory=${root.slice(0, -1)}`, ...args])
  if (code !== 0) throw new Error(`git ${args[0]} failed: ${output.trim()}`)
  return output
}

/** Paths of the files that git knows or would add. */
export async function files(...patterns) {
  const output = await git("ls-files", "--cached", "--others", "--exclude-standard", "--", ...patterns)
  return [...new Set(output.split("\n"))].filter((path) => path !== "" && exists(path)).sort()
}

/** Runs a program in the root; resolves with its exit code and all that it printed. */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8")
      stream.on("data", (text) => {
        output += text
      })
    }
    child.on("error", reject)
    child.on("close", (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Runs a program of `node_modules/.bin`; its output is the list of problems when it fails. */
export async function tool(name, ...args) {
  const { code, output } = await run(`${root}node_modules/.bin/${name}`, args)
  return code === 0 ? [] : [output.trim() || `${name} failed with exit code ${code}`]
}
