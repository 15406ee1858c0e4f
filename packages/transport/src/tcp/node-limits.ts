import { ChannelLimits, type ChannelLimitsOptions } from "../channel/index.ts"
import { systemClock } from "../clock.ts"

/** Limits for all channels of a Node process: make one, and give it to every listener. */
export function nodeChannelLimits(options: Partial<ChannelLimitsOptions> = {}): ChannelLimits {
  return new ChannelLimits({
    clock: systemClock,
    // After the sockets were looked at, which is what the other channels wait for.
    nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
    ...options,
  })
}
