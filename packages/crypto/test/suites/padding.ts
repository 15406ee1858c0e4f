import { toHex, utf8 } from "@smpkit/codec"
import { CryptoError, pad, unpad } from "@smpkit/crypto"
import { hex } from "@smpkit/testkit"
import { expect, test } from "vitest"
import type { Platform } from "./platform.ts"

export function paddingSuite({ loadVectors }: Platform): void {
  test.each(
    loadVectors("crypto")
      .at("pad")
      .items()
      .map((v) => [v.path, v] as const),
  )("%s", (_, v) => {
    expect(toHex(pad(v.at("msg").bytes(), v.at("paddedLen").number()))).toBe(v.at("padded").text())
    expect(unpad(v.at("padded").bytes())).toEqual(v.at("msg").bytes())
  })

  // encoding.md, "Fixtures and worked examples".
  test("worked examples", () => {
    expect(toHex(pad(utf8("abc"), 8))).toBe("0003616263232323")
    expect(toHex(pad(utf8("abc"), 5))).toBe("0003616263")
    expect(() => pad(utf8("abc"), 4)).toThrow(RangeError)
  })

  test("65533 bytes are the most", () => {
    expect(unpad(pad(new Uint8Array(65533), 65535)).length).toBe(65533)
    expect(() => pad(new Uint8Array(65534), 70000)).toThrow(RangeError)
    expect(() => pad(new Uint8Array(0), 1)).toThrow(RangeError)
  })

  test.each(["", "00", "0001", "ffff00", "000461626363".slice(0, 10)])("unpad refuses %j", (padded) => {
    let error: unknown
    try {
      unpad(hex(padded))
    } catch (e) {
      error = e
    }
    expect(CryptoError.is(error, "PADDING")).toBe(true)
  })

  test("the filler is not looked at, and the message is a copy", () => {
    const padded = hex("000161ff00")
    const message = unpad(padded)
    padded.fill(0)
    expect(message).toEqual(utf8("a"))
  })
}
