import { Vector } from "@smpkit/testkit"
import vectors from "../../testkit/vectors/sntrup761.json" with { type: "json" }
import { sntrup761Suite } from "./suites/sntrup761.ts"

sntrup761Suite(new Vector(vectors, "sntrup761"))
