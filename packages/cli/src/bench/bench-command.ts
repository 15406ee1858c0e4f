import { parseAddress } from "../agent-options.ts"
import { untilSignalled } from "../shutdown.ts"
import { runLoad } from "./load.ts"
import { reportOf } from "./report.ts"

export interface BenchOptions {
  readonly queues: number
  readonly messages: number
  readonly body: number
  readonly connections: number
  readonly json?: boolean
}

/** `smpkit bench ADDRESS`: a load on any SMP server. */
export async function runBench(
  address: string,
  { queues, messages, body, connections, json }: BenchOptions,
): Promise<void> {
  const server = await parseAddress(address)
  const [{ SmpClient }, { tlsConnector }, { systemRandom }, { systemClock }] = await Promise.all([
    import("@smpkit/client"),
    import("@smpkit/client/tls"),
    import("@smpkit/crypto"),
    import("@smpkit/transport"),
  ])
  await untilSignalled(async (signal) => {
    const deps = { connector: tlsConnector(), clock: systemClock, random: systemRandom }
    const before = process.cpuUsage()
    const result = await runLoad({
      connect: () => SmpClient.connect(server, deps, { signal }),
      basicAuth: server.basicAuth,
      random: systemRandom,
      now: () => performance.now(),
      queues,
      messages,
      bodySize: body,
      connections: Math.min(connections, queues),
    })
    const { user, system } = process.cpuUsage(before)
    const report = reportOf(result, { queues, bodySize: body, cpuMs: (user + system) / 1000 })
    if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`)
    else
      process.stdout.write(
        `${report.messages} messages of ${body} bytes through ${queues} queues in ${report.seconds} s\n` +
          `${report.messagesPerSecond} messages a second; latency median ${report.latencyMsMedian} ms, p99 ${report.latencyMsP99} ms\n` +
          `SMP version ${report.smpVersion}; the loader itself took ${report.loaderCpuMsPerMessage} ms of CPU a message\n`,
      )
  })
}
