// The same conversations on the functions that a browser has. A crash there is that of a worker, which the store's own tests are about: here a few commits.
import { crashSuite } from "../suites/crash.ts"
import "../adversary/invitation.test.ts"
import "./contact.test.ts"
import "./handshake.test.ts"
import "./messages.test.ts"
import "./post-quantum.test.ts"
import "./ratchet-sync.test.ts"
import "./resynchronize.test.ts"
import "./short-links.test.ts"

crashSuite((crashAt, when) => crashAt % 12 === (when === "before" ? 5 : 11))
