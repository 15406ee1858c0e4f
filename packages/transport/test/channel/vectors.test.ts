import { loadVectors } from "@smpkit/testkit"
import { channelVectorSuite } from "../suites/channel-vectors.ts"

channelVectorSuite(loadVectors("channel"))
