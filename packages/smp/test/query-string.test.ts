import { formatQueryString, parseQueryString, SmpError } from "@smpkit/smp"
import { describe, expect, test } from "vitest"

// connection-links.md, "Query strings".
const isLink = (error: unknown) => SmpError.is(error, "LINK")

test("writing escapes all but letters, digits and - _ . ~, in the order given", () => {
  expect(
    formatQueryString([
      ["v", "2-7"],
      ["smp", "smp://a=@b:1/c#/?v=1&d;e,f g"],
      ["data", "é!'()*~._-%+"],
    ]),
  ).toBe(
    "v=2-7&smp=smp%3A%2F%2Fa%3D%40b%3A1%2Fc%23%2F%3Fv%3D1%26d%3Be%2Cf%20g&data=%C3%A9%21%27%28%29%2A~._-%25%2B",
  )
  expect(formatQueryString([])).toBe("")
})

test("reading: any order, unknown parameters, raw semicolons, =, + and escapes in both cases", () => {
  const query = parseQueryString("b=1;x&a=c%2fd%2Fe+f%2B=&=y&z=")
  expect(query.get("a")).toBe("c/d/e f+=")
  expect(query.get("b")).toBe("1")
  expect(query.get("x")).toBe("")
  expect(query.get("z")).toBe("")
  expect(query.get("missing")).toBeUndefined()
  expect(query.get("constructor")).toBeUndefined()
})

test("what was written is read", () => {
  const value = "a&b;c=d e+f%41 \u{1F600}\n"
  expect(parseQueryString(formatQueryString([["n&=", value]])).get("n&=")).toBe(value)
})

describe("errors", () => {
  test("a repeated parameter, when it is asked for", () => {
    const query = parseQueryString("a=1&b=2&%61=1")
    expect(query.get("b")).toBe("2")
    expect(() => query.get("a")).toThrow(expect.toSatisfy(isLink))
  })
  test.each(["a=b c", "a=b\n", "a=%", "a=%4", "a=%zz", "a=%ff", "a=é", "a=\0", "a b=1"])("%j", (text) => {
    expect(() => parseQueryString(text)).toThrow(expect.toSatisfy(isLink))
  })
})
