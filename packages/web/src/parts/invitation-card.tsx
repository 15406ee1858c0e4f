import { createSignal, createUniqueId, type JSX, Show } from "solid-js"
import { pageLink } from "../invitation-text.ts"
import type { Session } from "../page/session.ts"
import type { Conversation } from "../protocol.ts"
import { Icon } from "./icon.tsx"
import { QrCode } from "./qr-code.tsx"

/** An invitation that nobody has answered yet: as a code, as a link, to copy and to share. */
export function InvitationCard(props: {
  readonly session: Session
  readonly conversation: Conversation
}): JSX.Element {
  const link = () => props.conversation.link
  return (
    <div class="scroll">
      <Show when={link()} fallback={<p class="card">This invitation is being answered.</p>}>
        {(text) => <Card session={props.session} link={text()} />}
      </Show>
    </div>
  )
}

function Card(props: { readonly session: Session; readonly link: string }): JSX.Element {
  const [copied, setCopied] = createSignal("")
  const id = createUniqueId()
  const { base } = props.session
  // An address of this device is of no use on another one.
  const reachable = !/^(localhost|127\.|\[::1\])/.test(new URL(base).hostname)
  const [asPage, setAsPage] = createSignal(false)
  const shown = () => (asPage() ? pageLink(base, props.link) : props.link)
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(shown())
      setCopied("Copied. Paste it where only the other person can read it.")
    } catch {
      setCopied("The browser does not let this page copy: select the link and copy it yourself.")
    }
  }
  const share = async (): Promise<void> => {
    // Closing the sheet is not a failure.
    await navigator.share({ text: shown() }).catch(() => undefined)
  }
  return (
    <section class="card invitation" aria-labelledby={id}>
      <h2 id={id}>Your invitation</h2>
      <p>
        Let the other person scan this, or send them the link. It is for one person and works once: whoever
        reads it first can answer it, so hand it over where others cannot read it.
      </p>
      <QrCode text={shown()} label="The invitation as a QR code" />
      <div class="link-box">
        <input
          class="input mono"
          readonly
          value={shown()}
          aria-label="The invitation as a link"
          onFocus={(event) => {
            event.currentTarget.select()
          }}
        />
        <div class="row">
          <button type="button" class="button primary" onClick={() => void copy()}>
            <Icon name="copy" /> Copy
          </button>
          <Show when={"share" in navigator}>
            <button type="button" class="button" onClick={() => void share()}>
              <Icon name="share" /> Share
            </button>
          </Show>
        </div>
      </div>
      <Show when={reachable}>
        <label class="check">
          <input
            type="checkbox"
            checked={asPage()}
            onChange={(event) => setAsPage(event.currentTarget.checked)}
          />
          <span>As a link that opens this page, for somebody who has no app yet</span>
        </label>
      </Show>
      <p class="hint" role="status">
        {copied()}
      </p>
      <p class="waiting">
        <span class="pulse" aria-hidden="true" /> Waiting for the other person. You may close this page; the
        server keeps the answer.
      </p>
    </section>
  )
}
