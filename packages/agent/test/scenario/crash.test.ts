import { crashSuite } from "../suites/crash.ts"

const all = process.env["SLOW"] === "1"

crashSuite((crashAt, when) => all || (crashAt % 2 === 0) === (when === "before"))
