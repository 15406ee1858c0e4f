/** Times as people read them. `now` and the locale come from the caller. */

export function isSameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString()
}

export function timeText(time: number, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }).format(time)
}

const dayMs = 24 * 3600_000

/** The day of a message, above the first one of it. */
export function dayText(time: number, now: number, locale?: string): string {
  if (isSameDay(time, now)) return "Today"
  if (isSameDay(time, now - dayMs)) return "Yesterday"
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear()
  return new Intl.DateTimeFormat(locale, {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(sameYear ? {} : { year: "numeric" }),
  }).format(time)
}

/** When something was, as short as a list has room for: the time today, the weekday within a week, else the date. */
export function shortTime(time: number, now: number, locale?: string): string {
  if (isSameDay(time, now)) return timeText(time, locale)
  if (isSameDay(time, now - dayMs)) return "Yesterday"
  if (time <= now && now - time < 6 * dayMs)
    return new Intl.DateTimeFormat(locale, { weekday: "short" }).format(time)
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }).format(time)
}

/** One or two letters that stand for a name. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/u).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const letters = words.map((word) => [...new Intl.Segmenter().segment(word)][0]?.segment ?? "")
  const [first = "?", ...others] = letters
  return (first + (others.at(-1) ?? "")).toLocaleUpperCase()
}
