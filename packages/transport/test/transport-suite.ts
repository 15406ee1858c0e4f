import { describe, expect, test } from "vitest"
import type { Bytes } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import {
  type BlockStream,
  clientHandshake,
  serverHandshake,
  type ServerIdentity,
  type SmpSession,
} from "@smpkit/transport"

/** Both ends of a connection, and how to be rid of whatever carries it. */
export interface Connected {
  readonly client: BlockStream
  readonly server: BlockStream
  readonly identity: ServerIdentity
  readonly dispose: () => Promise<void>
}

const blockSize = 16_384
const numbered = (n: number): Bytes => {
  const block = new Uint8Array(blockSize).fill(n & 0xff)
  new DataView(block.buffer).setUint32(0, n)
  return block
}
const numberOf = (block: Bytes | undefined): number | undefined =>
  block && new DataView(block.buffer, block.byteOffset).getUint32(0)

/** What every carrier of blocks must do. */
export function transportSuite(
  name: string,
  make: () => Promise<Connected>,
  { overChannel = false }: { readonly overChannel?: boolean } = {},
): void {
  const on = (title: string, f: (ends: Connected) => Promise<void>): void => {
    test(title, async () => {
      const ends = await make()
      try {
        await f(ends)
      } finally {
        await Promise.all([ends.client.close(), ends.server.close()])
        await ends.dispose()
      }
    })
  }

  describe(`${name}: the contract of a block stream`, () => {
    on(
      "both ends have the same session id and protocol, and the client the server's chain",
      ({ client, server, identity }) => {
        expect(client.sessionId).toEqual(server.sessionId)
        expect(client.sessionId.length).toBe(32)
        expect(client.alpn).toBe("smp/1")
        expect(server.alpn).toBe("smp/1")
        expect(client.peerChain).toEqual(identity.chain)
        return Promise.resolve()
      },
    )

    on("blocks arrive whole and in order, both ways at once", async ({ client, server }) => {
      const count = 50
      const send = async (stream: BlockStream): Promise<void> => {
        for (let n = 0; n < count; n++) await stream.write(numbered(n))
      }
      const receive = async (stream: BlockStream): Promise<void> => {
        for (let n = 0; n < count; n++) {
          const block = await stream.read()
          expect(block?.length).toBe(blockSize)
          expect(numberOf(block)).toBe(n)
        }
      }
      await Promise.all([send(client), send(server), receive(client), receive(server)])
    })

    on("writes that nobody waits for keep their order", async ({ client, server }) => {
      const writes = Array.from({ length: 20 }, (_, n) => client.write(numbered(n)))
      for (let n = 0; n < 20; n++) expect(numberOf(await server.read())).toBe(n)
      await Promise.all(writes)
    })

    on("a block of another size is the caller's mistake", async ({ client }) => {
      await expect(client.write(new Uint8Array(blockSize - 1))).rejects.toThrow(RangeError)
      await expect(client.write(new Uint8Array(blockSize + 1))).rejects.toThrow(RangeError)
    })

    on(
      "a reader that does not read stops the writer, and gets everything in the end",
      async ({ client, server }) => {
        const count = 2_000 // more than what systems buffer
        let written = 0
        const writing = (async () => {
          for (; written < count; written++) await client.write(numbered(written))
        })()
        let before = -1
        while (before !== written) {
          before = written
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        expect(written).toBeLessThan(count)
        for (let n = 0; n < count; n++) {
          const got = numberOf(await server.read())
          if (got !== n) expect(got).toBe(n)
        }
        await writing
      },
    )

    on("what was written before a close arrives, then the end", async ({ client, server }) => {
      await Promise.all([0, 1, 2].map((n) => server.write(numbered(n))))
      const closing = server.close()
      for (let n = 0; n < 3; n++) expect(numberOf(await client.read())).toBe(n)
      expect(await client.read()).toBeUndefined()
      expect(await client.read()).toBeUndefined()
      await closing
      expect(await server.closed).toEqual({ type: "local" })
      expect(await client.closed).toEqual({ type: "ended" })
    })

    on("closing ends a read that waits, refuses writes, and can be repeated", async ({ client, server }) => {
      const reading = client.read()
      const closing = client.close()
      expect(await reading).toBeUndefined()
      await expect(client.write(numbered(1))).rejects.toMatchObject({ code: "CLOSED" })
      await closing
      await client.close()
      expect(await client.closed).toEqual({ type: "local" })
      expect(await server.read()).toBeUndefined()
      expect(await server.closed).toEqual({ type: "ended" })
    })

    on("closing wakes a writer that waits", async ({ client }) => {
      const waiting = (async () => {
        for (let n = 0; n < 100_000; n++) await client.write(numbered(n))
      })()
      const settled = waiting.catch((error: unknown) => error)
      await new Promise((resolve) => setTimeout(resolve, 100))
      await client.close()
      expect(await settled).toMatchObject({ code: "CLOSED" })
    })

    const once = overChannel ? "which a channel need not encrypt again" : "which are encrypted again"
    on(`carries an SMP session with its blocks, ${once}`, async ({ client, server, identity }) => {
      const [ours, theirs] = await sessions(client, server, identity, { client: { overChannel } })
      expect(ours.version).toBe(18)
      expect(theirs.version).toBe(18)
      const size = overChannel ? 16_382 : 16_366
      expect(ours.maxContentSize).toBe(size)
      expect(theirs.maxContentSize).toBe(size)
      const content = new Uint8Array(size).fill(5)
      for (const [from, to] of [
        [ours, theirs],
        [theirs, ours],
      ] as const) {
        await Promise.all([from.send(content), from.send(Uint8Array.of(1)), from.send(new Uint8Array())])
        expect(await to.receive()).toEqual({ type: "content", content })
        expect(await to.receive()).toEqual({ type: "content", content: Uint8Array.of(1) })
        expect(await to.receive()).toEqual({ type: "content", content: new Uint8Array() })
      }
      await ours.close()
      expect(await theirs.receive()).toBeUndefined()
      expect(await theirs.closed).toEqual({ type: "ended" })
    })
  })
}

/** Both handshakes at once, with what each side asks for. */
export async function sessions(
  client: BlockStream,
  server: BlockStream,
  identity: ServerIdentity,
  options: { readonly client?: object; readonly server?: object } = {},
): Promise<readonly [SmpSession, SmpSession]> {
  const random = systemRandom
  return Promise.all([
    clientHandshake(client, { keyHash: identity.keyHash, random, ...options.client }),
    serverHandshake(server, { identity, random, ...options.server }),
  ])
}
