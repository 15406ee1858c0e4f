/** Makes connections until an agent has as many as are asked for, and starts it anew: what that takes, and what each costs. */
export async function manyConnections({ connections }, people, progress) {
  const { connections: before } = await people.alice.ask({ name: "count" })
  const began = performance.now()
  const made = Math.max(0, connections - before)
  await people.connect(made, true, (n) => progress(`connection ${n} of ${made}`))
  const setUpMs = performance.now() - began
  await people.stop("bob")
  await people.stop("alice")
  progress("starting anew")
  const { storeMs, agentMs } = await people.start("alice")
  const { ms: subscribedMs, blocks } = await people.alice.ask({ name: "subscribed" })
  const { cpuMs } = await people.alice.usage()
  const { connections: now } = await people.alice.ask({ name: "count" })
  await people.stop("alice")
  // Once more: listing has read all of them.
  await people.start("alice")
  await people.alice.ask({ name: "subscribed" })
  const full = await people.alice.ask({ name: "memory" })
  await people.stop("alice")
  await people.start("nobody")
  const empty = await people.nobody.ask({ name: "memory" })
  await people.stop("nobody")
  const each = (kind) => (full[kind] - empty[kind]) / now
  return {
    connections: now,
    made,
    setUpMs,
    storeMs,
    agentMs,
    subscribedMs,
    subscribeMs: subscribedMs - storeMs - agentMs,
    blocks,
    cpuMs,
    heapBytes: each("heapUsed"),
    bufferBytes: each("arrayBuffers"),
    residentBytes: each("rss"),
    residentMb: full.rss / 1e6,
  }
}
