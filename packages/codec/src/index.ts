export { type Bytes, concatBytes, decodeUtf8, fromHex, toHex, utf8 } from "./bytes.ts"
export { type Codec, constant, decode, encode, lazy, mapped, pair, struct } from "./codec.ts"
export {
  bool,
  char,
  fixed,
  i64,
  ignored,
  latin1,
  list,
  longBytes,
  nonEmptyList,
  optional,
  rest,
  safeInt64,
  shortBytes,
  systemTime,
  text,
  u16,
  u32,
  u8,
  type VersionRange,
  versionRange,
} from "./primitives.ts"
export { Reader } from "./reader.ts"
export { formatVersionRange, fromBase64Url, parseVersionRange, toBase64Url } from "./text.ts"
export { agreedVersion, includesVersion, isCompatible } from "./version-range.ts"
export { WireError } from "./wire-error.ts"
export { Writer } from "./writer.ts"
