import { expect, test } from "vitest"
import { systemRandom } from "@smpkit/crypto"
import { clientHandshake, serverHandshake, serverIdentity } from "@smpkit/transport"
import { connectTls, createIdentity, listenTls } from "@smpkit/transport/tls"

for (const alg of ["ed25519", "ed448"] as const)
  test(`a session over TLS with ${alg}`, async () => {
    const made = createIdentity({ host: "localhost", now: Date.now(), random: systemRandom, alg })
    const identity = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
    await using listener = await listenTls({
      identity,
      host: "127.0.0.1",
      port: 0,
      onConnection: (stream) => {
        void (async () => {
          const session = await serverHandshake(stream, { identity, random: systemRandom })
          for (let r = await session.receive(); r !== undefined; r = await session.receive())
            if (r.type === "content") await session.send(r.content)
        })()
      },
    })
    await using stream = await connectTls({
      hosts: ["127.0.0.1"],
      port: String(listener.port),
      keyHash: identity.keyHash,
    })
    const session = await clientHandshake(stream, { keyHash: identity.keyHash, random: systemRandom })
    expect(session.version).toBe(18)
    await session.send(Uint8Array.of(1, 2, 3))
    expect(await session.receive()).toEqual({ type: "content", content: Uint8Array.of(1, 2, 3) })
    expect(listener.handshakes).toBe(0)
  })
