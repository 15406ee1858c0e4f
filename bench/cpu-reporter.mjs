// Loaded into a measured child process before its program: answers "usage" on the IPC channel with what it has used so far.

process.on("message", (message) => {
  if (message !== "usage") return
  const { user, system } = process.cpuUsage()
  process.send?.({ usage: { cpuMs: (user + system) / 1000, rss: process.memoryUsage.rss() } })
})
// The channel alone keeps nobody alive, and who measures is not outlived.
process.channel?.unref()
process.on("disconnect", () => process.exit(1))
