/** The middle one; the mean of the middle two; `undefined` of none. */
export function median(values) {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** a / b where both are known. */
export const ratio = (a, b) => (a === undefined || b === undefined ? undefined : a / b)

/** Three decimals; `null`, which JSON has, for what is not known. */
export const rounded = (value) => (value === undefined ? null : Math.round(value * 1000) / 1000)
