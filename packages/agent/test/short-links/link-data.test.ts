import { type Bytes, concatBytes, decode, encode, toHex, utf8 } from "@smpkit/codec"
import {
  decodePrivateKey,
  generateKeyPair,
  type KeyPair,
  keyPairOf,
  sealPaddedBox,
  sign,
  type SignAlg,
} from "@smpkit/crypto"
import type { LinkData } from "@smpkit/smp"
import { loadVectors, ScriptedRandom, seededRandom } from "@smpkit/testkit"
import { describe, expect, it } from "vitest"
import { AgentError } from "../../src/errors.ts"
import { connectionLink } from "../../src/links.ts"
import {
  type FixedLinkData,
  fixedLinkData,
  signedLinkData,
  type UserLinkData,
  userLinkData,
} from "../../src/short-links/link-data.ts"
import { authorizeOwner, checkOwners } from "../../src/short-links/owners.ts"
import {
  checkSigner,
  linkKeys,
  openLinkData,
  sealLinkData,
  sealUserLinkData,
  senderIdOf,
} from "../../src/short-links/sealed-link-data.ts"
import type { ShortLink } from "../../src/short-links/short-link.ts"

const vectors = loadVectors("short-links")
const random = seededRandom("link data")

function keyOf(name: string): KeyPair<"ed25519"> {
  const der = loadVectors("keys").at("keys", name, "privateDer").bytes()
  return keyPairOf(decodePrivateKey<SignAlg>(der, ["ed25519"])) as KeyPair<"ed25519">
}
const root = keyOf("ed25519_1")
const owner = keyOf("ed25519_2")

interface Recorded {
  readonly link: ShortLink
  readonly senderId: Bytes
  readonly sealed: LinkData
}

/** What a reader of the recorded link has, and the server's answer. */
function recorded(name: string): Recorded {
  const vector = vectors.at(name)
  const request = decode(connectionLink, vector.at("connReqSmp").bytes())
  const [{ server, senderId }] = request.queues
  const linkKey = vector.at("linkKey").bytes()
  const sealed = { fixed: vector.at("encFixedData").bytes(), user: vector.at("encUserData").bytes() }
  return {
    link:
      request.type === "invitation"
        ? { type: "invitation", server, linkId: new Uint8Array(24), linkKey }
        : { type: "contact", kind: "contact", server, linkKey },
    senderId,
    sealed,
  }
}

const names = ["contact", "contactOwnersRelays", "invitation"]

describe("link data", () => {
  it.each(names)("of the recorded %s opens, and is made again byte for byte", (name) => {
    const { link, senderId, sealed } = recorded(name)
    const { fixed, user } = openLinkData(link, senderId, sealed)
    const nonces = new ScriptedRandom(sealed.fixed.subarray(0, 24), sealed.user.subarray(0, 24))
    const again = sealLinkData(root, fixed, user, nonces)
    expect(toHex(again.linkKey)).toBe(toHex(link.linkKey))
    expect(toHex(again.sealed.fixed)).toBe(toHex(sealed.fixed))
    if (name === "contactOwnersRelays") {
      expect(user).toMatchObject({ type: "contact", direct: true, owners: [{ ownerKey: owner.publicKey }] })
      expect(user.type === "contact" && user.relays).toHaveLength(1)
      expect(toHex(fixed.linkEntityId ?? new Uint8Array(0))).toBe(
        toHex(vectors.at(name, "linkEntityId").bytes()),
      )
      expect(user.userData).toHaveLength(300)
    }
    // The user data of an address with owners may be signed by one of them.
    const signers = [root, owner].map((signer) =>
      toHex(
        sealUserLinkData(
          linkKeys(link.type, link.linkKey).key,
          signer,
          user,
          new ScriptedRandom(sealed.user.subarray(0, 24)),
        ),
      ),
    )
    expect(signers).toContain(toHex(sealed.user))
    const { linkId } = linkKeys(link.type, link.linkKey)
    expect(linkId && toHex(linkId)).toBe(vectors.at(name).find("linkId")?.text())
  })

  it("names the sender id after the correlation id", () => {
    const vector = vectors.at("senderIdFromCorrId")
    expect(toHex(senderIdOf(vector.at("corrId").bytes()))).toBe(vector.at("senderId").text())
  })

  it("derives the keys of the worked example", () => {
    const linkKey = Uint8Array.from({ length: 32 }, (_, i) => i)
    expect(toHex(linkKeys("contact", linkKey).linkId ?? new Uint8Array(0))).toBe(
      "3232adb6fd5d0e30ab33495f6d24543458eae3aab2b1b535",
    )
    expect(toHex(linkKeys("contact", linkKey).key)).toBe(
      "636d708fe962078b53bf99cba18ebb6d98116a0a114066d13c52fb2f9493f931",
    )
  })

  it.each([0, 254, 255, 13_000])("holds %i bytes of the user", (length) => {
    const user: UserLinkData = {
      type: "invitation",
      versions: { min: 2, max: 7 },
      userData: new Uint8Array(length).fill(1),
    }
    const bytes = encode(userLinkData, user)
    expect(bytes).toHaveLength(5 + (length < 255 ? 1 : 3) + length)
    expect(decode(userLinkData, bytes)).toEqual(user)
    // Bytes of later versions at the end are not looked at.
    expect(decode(userLinkData, Uint8Array.of(...bytes, 1, 2, 3))).toEqual(user)
  })

  it("that is too large is refused before it is sent", () => {
    const user: UserLinkData = {
      type: "invitation",
      versions: { min: 2, max: 7 },
      userData: new Uint8Array(13_715),
    }
    const { key } = linkKeys("invitation", new Uint8Array(32))
    expect(() => sealUserLinkData(key, root, user, random)).toThrow(AgentError)
    const fits = { ...user, userData: user.userData.subarray(0, 13_709) }
    expect(sealUserLinkData(key, root, fits, random)).toHaveLength(13_824)
  })
})

describe("a server that answers with other link data", () => {
  const { link, senderId, sealed } = recorded("contact")
  const opened = openLinkData(link, senderId, sealed)
  const { key } = linkKeys(link.type, link.linkKey)
  const stranger = generateKeyPair("ed25519", random)
  const flipped = (bytes: Bytes, at: number): Bytes => bytes.map((b, i) => (i === at ? b ^ 1 : b))
  const otherFixed = (fixed: Partial<FixedLinkData>): LinkData =>
    sealLinkData(root, { ...opened.fixed, ...fixed }, opened.user, random).sealed

  it.each<[string, string, string, () => LinkData, Bytes?]>([
    ["a changed fixed part", "A_MESSAGE", "", () => ({ ...sealed, fixed: flipped(sealed.fixed, 900) })],
    ["a changed user part", "A_MESSAGE", "", () => ({ ...sealed, user: flipped(sealed.user, 900) })],
    ["a cut user part", "A_MESSAGE", "", () => ({ ...sealed, user: sealed.user.slice(0, 30) })],
    ["the parts the other way round", "A_MESSAGE", "", () => ({ fixed: sealed.user, user: sealed.fixed })],
    [
      "user data signed by a stranger",
      "A_LINK",
      "user data signature",
      () => ({ ...sealed, user: sealUserLinkData(key, stranger, opened.user, random) }),
    ],
    ["another sender id", "A_LINK", "different address", () => sealed, new Uint8Array(24)],
    [
      "other fixed data, sealed by somebody with the link",
      "A_MESSAGE",
      "",
      () => otherFixed({ versions: { min: 2, max: 8 } }),
    ],
    [
      "other fixed data under the link's own key",
      "A_LINK",
      "link data hash",
      () => {
        const signed = encode(fixedLinkData, { ...opened.fixed, versions: { min: 2, max: 8 } })
        return { ...sealed, fixed: underKey(signed, root) }
      },
    ],
    [
      "the fixed data with the signature of a stranger",
      "A_LINK",
      "link data signature",
      () => ({ ...sealed, fixed: underKey(fixedBytes(), stranger) }),
    ],
  ])("%s is refused", (_, code, reason, answer, id = senderId) => {
    let thrown: unknown
    try {
      openLinkData(link, id, answer())
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code })
    expect(String(thrown)).toContain(reason)
  })

  function fixedBytes(): Bytes {
    return decode(signedLinkData, vectors.at("contact", "fixedDataSigned").bytes()).signed
  }
  function underKey(signed: Bytes, signer: KeyPair<"ed25519">): Bytes {
    const nonce = random.bytes(24)
    const plaintext = encode(signedLinkData, { signature: sign(signer, signed), signed })
    return concatBytes(nonce, sealPaddedBox(key, nonce, plaintext, 2008))
  }
})

describe("owners of an address", () => {
  const people = [1, 2, 3].map((n) => generateKeyPair("ed25519", seededRandom(`owner ${n}`)))
  const [one, two, three] = people as [KeyPair<"ed25519">, KeyPair<"ed25519">, KeyPair<"ed25519">]
  const id = utf8
  const first = authorizeOwner(root, id("one"), one.publicKey)
  const second = authorizeOwner(one, id("two"), two.publicKey)

  it("are authorised by the root or by one before them", () => {
    checkOwners(root.publicKey, [first, second, authorizeOwner(root, id("three"), three.publicKey)])
    expect(() => {
      checkOwners(root.publicKey, [second, first])
    }).toThrow("invalid authorization of owner ID dHdv")
    expect(() => {
      checkOwners(root.publicKey, [authorizeOwner(three, id("x"), two.publicKey)])
    }).toThrow("invalid authorization")
  })

  it("are neither the root nor twice the same", () => {
    for (const [list, text] of [
      [[authorizeOwner(root, id("r"), root.publicKey)], "matches root key"],
      [[first, authorizeOwner(root, id("one"), two.publicKey)], "duplicate owner key or ID"],
      [[first, authorizeOwner(root, id("other"), one.publicKey)], "duplicate owner key or ID"],
    ] as const)
      expect(() => {
        checkOwners(root.publicKey, list)
      }).toThrow(text)
  })

  it("sign new user data; others do not", () => {
    const user: UserLinkData = {
      type: "contact",
      versions: { min: 2, max: 7 },
      direct: true,
      owners: [first, second],
      relays: [],
      userData: new Uint8Array(0),
    }
    checkSigner(root.publicKey, two.publicKey, user)
    checkSigner(root.publicKey, root.publicKey, user)
    expect(() => {
      checkSigner(root.publicKey, three.publicKey, user)
    }).toThrow("no current owner in link data")
    const { link, senderId, sealed } = recorded("contact")
    const { key } = linkKeys(link.type, link.linkKey)
    const by = (signer: KeyPair<"ed25519">): LinkData => ({
      ...sealed,
      user: sealUserLinkData(key, signer, user, random),
    })
    expect(openLinkData(link, senderId, by(two)).user).toEqual(user)
    expect(() => openLinkData(link, senderId, by(three))).toThrow("user data signature")
  })
})
