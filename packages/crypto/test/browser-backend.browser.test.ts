import { Vector } from "@smpkit/testkit"
import channel from "../../testkit/vectors/channel.json" with { type: "json" }
import crypto from "../../testkit/vectors/crypto.json" with { type: "json" }
import keys from "../../testkit/vectors/keys.json" with { type: "json" }
import { backendSuite } from "./suites/backend.ts"

const vectors = { channel, crypto, keys }
backendSuite({ loadVectors: (name) => new Vector(vectors[name], name), numRuns: 10 })
