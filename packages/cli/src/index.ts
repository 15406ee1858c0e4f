export { chunkSize, decodeFrame, encodeFrame, type PipeFrame } from "./pipe/frame.ts"
export { run } from "./program.ts"
export { terminalLines, terminalText } from "./terminal-text.ts"
