/** What the page has to know before it is unlocked. Nothing secret: kept outside the sealed store. */

export type Theme = "system" | "light" | "dark"

export interface Preferences {
  theme(): Theme
  setTheme(theme: Theme): void
  /** Whether the profile opens without a passphrase. */
  isUnlocked(): boolean
  setUnlocked(unlocked: boolean): void
}

/** The browser may refuse its storage, already when asked for it: then a preference lasts as long as the page. */
export function preferencesIn(storage: () => Storage, base: string): Preferences {
  const unlockedKey = `smpkit.unlocked:${new URL(base).pathname}`
  const get = (key: string): string | undefined => {
    try {
      return storage().getItem(key) ?? undefined
    } catch {
      return undefined
    }
  }
  const set = (key: string, value: string): void => {
    try {
      storage().setItem(key, value)
    } catch {
      // A browser that keeps nothing for this site: the page works all the same.
    }
  }
  return {
    theme: () => {
      const stored = get("smpkit.theme")
      return stored === "light" || stored === "dark" ? stored : "system"
    },
    setTheme: (theme) => {
      set("smpkit.theme", theme)
    },
    isUnlocked: () => get(unlockedKey) === "yes",
    setUnlocked: (unlocked) => {
      set(unlockedKey, unlocked ? "yes" : "no")
    },
  }
}
