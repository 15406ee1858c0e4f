import { loadVectors } from "@smpkit/testkit"
import { sntrup761Suite } from "./suites/sntrup761.ts"

sntrup761Suite(loadVectors("sntrup761"))
