import { files, git, readText } from "../workspace.mjs"

// Preceded by nothing that could make it the middle of a longer path or of base64.
const machinePath = /(?<![\w.~/+-])\/(?:home|root|Users|work|tmp|mnt|private)\/[\w.-]+/g
const text =
  /\.(md|ts|js|mjs|json|ya?ml|txt|sh)$|(^|\/)(\.ci\/run|\.gitignore|\.npmrc|\.prettierignore|LICENSE)$/

/** No file and no commit message holds a path of the machine on which it was written, and every path that a document names exists. */
export async function machinePaths() {
  const problems = []
  const all = await files()
  for (const path of all.filter((name) => text.test(name))) {
    for (const [i, line] of readText(path).split("\n").entries()) {
      for (const [found] of line.matchAll(machinePath)) problems.push(`${path}:${i + 1} names ${found}`)
    }
  }
  for (const entry of (await git("log", "--format=%h%x00%B%x01")).split("\x01")) {
    const [commit = "", message = ""] = entry.trim().split("\0")
    for (const [found] of message.matchAll(machinePath)) problems.push(`commit ${commit} names ${found}`)
  }
  for (const path of all.filter(
    (name) => name.endsWith(".md") && !name.startsWith("packages/testkit/vectors/"),
  )) {
    for (const [, named] of readText(path).matchAll(
      /`((?:packages|docs|scripts|interop|bench|etc)\/[\w./-]+)`/g,
    )) {
      const there = all.some((name) => name === named || name.startsWith(named.replace(/\/?$/, "/")))
      if (!there) problems.push(`${path} names ${named}, which does not exist`)
    }
  }
  return problems
}
