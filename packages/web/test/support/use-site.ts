import { afterAll, beforeAll } from "vitest"
import { Person } from "./person.ts"
import { Site, temporaryFolder } from "./site.ts"

/** What the tests of one `describe` share. */
export interface SharedSite {
  readonly site: Site
  /** A folder that goes with them. */
  readonly path: string
  /** Opens the page in the profile `name`. */
  readonly open: (name: string, fragment?: string) => Promise<Person>
}

/** A server with its page, from before the first test of the `describe` that calls this to after the last one. */
export function useSite(executablePath: string): SharedSite {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let site: Site
  beforeAll(async () => {
    folder = await temporaryFolder()
    site = await Site.start(`${folder.path}/server`)
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })
  return {
    get site() {
      return site
    },
    get path() {
      return folder.path
    },
    open: (name, fragment = "") => Person.open(site.url, folder.path, name, { executablePath, fragment }),
  }
}
