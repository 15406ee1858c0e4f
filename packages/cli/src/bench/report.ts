import type { LoadResult } from "./load.ts"

/** The figures of a load, as `--json` prints them. */
export interface LoadReport {
  readonly smpVersion: number
  readonly queues: number
  readonly messages: number
  readonly bodyBytes: number
  readonly seconds: number
  readonly setupSeconds: number
  readonly messagesPerSecond: number
  readonly latencyMsMedian: number
  readonly latencyMsP99: number
  /** What the load itself cost; the server's share is measured where the server runs. */
  readonly loaderCpuMsPerMessage: number
}

/** Figures of a load and of the CPU time that this process spent on it. */
export function reportOf(
  result: LoadResult,
  { queues, bodySize, cpuMs }: { readonly queues: number; readonly bodySize: number; readonly cpuMs: number },
): LoadReport {
  const sorted = [...result.latenciesMs].sort((a, b) => a - b)
  return {
    smpVersion: result.smpVersion,
    queues,
    messages: result.messages,
    bodyBytes: bodySize,
    seconds: round(result.elapsedMs / 1000),
    setupSeconds: round(result.setupMs / 1000),
    messagesPerSecond: round((result.messages * 1000) / result.elapsedMs),
    latencyMsMedian: round(quantile(sorted, 0.5)),
    latencyMsP99: round(quantile(sorted, 0.99)),
    loaderCpuMsPerMessage: round(cpuMs / result.messages),
  }
}

/** The nearest-rank quantile of ascending numbers; 0 of none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
