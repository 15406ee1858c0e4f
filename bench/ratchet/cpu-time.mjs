/** Milliseconds of CPU that a call takes on average: other work on the same machine changes it little. */
export function cpuTime(count, call) {
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) call(i)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / count
}
