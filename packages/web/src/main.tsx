import { createEffect } from "solid-js"
import { inFragment } from "./invitation-text.ts"
import { BackButton } from "./page/back-button.ts"
import { preferencesIn } from "./page/preferences.ts"
import { render } from "./page/renderer.ts"
import { Session } from "./page/session.ts"
import { singleTab } from "./page/single-tab.ts"
import { startWorkerPort } from "./page/worker-port.ts"
import { App } from "./parts/app.tsx"
import { leave } from "./parts/conversation-pane.tsx"
import "./styles/tokens.css"
import "./styles/base.css"
import "./styles/controls.css"
import "./styles/layout.css"
import "./styles/conversation.css"

/** Where the page was served from: all that it fetches is relative to this. */
const base = new URL(".", document.baseURI.replace(/[?#].*$/, "")).href

const session = new Session({
  startPort: startWorkerPort,
  preferences: preferencesIn(() => localStorage, base),
  base,
  isVisible: () => document.visibilityState === "visible",
  onBegun: () => {
    // The browser may otherwise delete everything when the disk is full. It decides, and may ask; nothing here depends on it.
    void navigator.storage.persist().catch(() => false)
  },
})

/** How many layers lie over the list of conversations. */
const depth = (): number =>
  (session.state.current === undefined ? 0 : 1) + (session.state.dialog === undefined ? 0 : 1)

/** An invitation behind the `#` is a secret: it leaves the address bar, and with it the history, before anything else (security.md Q28). */
function takeFragment(): void {
  const { hash, pathname, search } = location
  if (hash === "") return
  // The entry is one more for what lies open already.
  history.replaceState({ layers: depth() }, "", pathname + search)
  const found = inFragment(hash)
  if (found.type === "link") session.openLink(found.link)
}

takeFragment()
addEventListener("hashchange", takeFragment)

const backButton = new BackButton({
  depth,
  closeTop: () => {
    if (session.state.dialog !== undefined) session.setDialog(undefined)
    else leave(session)
  },
})

const page = document.getElementById("page")
if (page === null) throw new TypeError("the page has no place for itself")
render(() => {
  createEffect(() => {
    depth()
    backButton.changed()
  })
  return (<App session={session} />) as unknown as Node
}, page)

if (isSecureContext) {
  void singleTab(base, {
    onElsewhere: () => {
      session.show({ name: "elsewhere" })
    },
  }).then(() => session.start())
  let lastActive = 0
  for (const type of ["pointerdown", "pointermove", "keydown", "wheel"]) {
    addEventListener(
      type,
      ({ timeStamp }) => {
        if (timeStamp - lastActive < 5000) return
        lastActive = timeStamp
        session.active()
      },
      { capture: true, passive: true },
    )
  }
  document.addEventListener("visibilitychange", () => {
    void session.seen()
  })
} else {
  session.show({ name: "insecure" })
}
