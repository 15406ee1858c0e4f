import { Vector } from "@smpkit/testkit"
import channel from "../../../testkit/vectors/channel.json" with { type: "json" }
import { channelVectorSuite } from "../suites/channel-vectors.ts"

channelVectorSuite(new Vector(channel, "channel"))
