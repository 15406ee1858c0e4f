import { deleteProfile, openProfile, profileExists, restoreProfile } from "./worker/browser-profile.ts"
import { fetchServers } from "./worker/server-list.ts"
import { problemOf } from "./worker/problems.ts"
import { Service } from "./worker/service.ts"
import type { FromWorker, Request, ToWorker } from "./protocol.ts"

// The agent's thread: passphrase and keys stay here (security.md Q28). What it can be asked is in protocol.ts, and none of it returns a key that is not sealed.

const say = (message: FromWorker): void => {
  postMessage(message)
}

const service = new Service({
  openProfile,
  profileExists,
  deleteProfile,
  restoreProfile,
  fetchServers,
  emit: (event) => {
    say({ type: "event", event })
  },
  now: () => Date.now(),
  every: (ms, f) => {
    const timer = setInterval(f, ms)
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer)
      },
    }
  },
})

async function answer({ id, method, params }: Request): Promise<void> {
  try {
    say({ type: "done", id, result: await service.call(method, params) })
  } catch (error) {
    say({ type: "refused", id, problem: problemOf(error) })
  }
}

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "active") service.active()
  else void answer(data)
})
