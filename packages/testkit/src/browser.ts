export { FakeClock, settle } from "./fake-clock.ts"
export { ScriptedRandom, seededRandom } from "./random.ts"
export { streamPair, type StreamPair, type StreamPairOptions } from "./stream-pair.ts"
export { hex, ramp, Vector } from "./vector.ts"
