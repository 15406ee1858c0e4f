import { packages, readJson } from "../workspace.mjs"

/** All packages share one version and name each other by it; what they take from elsewhere is pinned. */
export function versions() {
  const { version, devDependencies } = readJson("package.json")
  const names = new Set(packages.map(({ manifest }) => manifest.name))
  const problems = []
  const exact = (owner, dependencies = {}) => {
    for (const [name, range] of Object.entries(dependencies)) {
      if (names.has(name) && range !== version)
        problems.push(`${owner} wants ${name} ${range}, not ${version}`)
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))
        problems.push(`${owner} wants ${name} ${range}, not one version`)
    }
  }
  exact("the root", devDependencies)
  for (const { directory, manifest } of packages) {
    if (manifest.version !== version)
      problems.push(`${directory} has version ${manifest.version}, not ${version}`)
    exact(directory, manifest.dependencies)
    exact(directory, manifest.optionalDependencies)
    exact(directory, manifest.devDependencies)
  }
  return problems
}
