import { once } from "node:events"
import { connect } from "node:tls"
import { fileURLToPath } from "node:url"
import { median } from "../figures.mjs"
import { MeasuredChild, withCpu } from "../measured-child.mjs"
import { smpAlpn, tlsProfile } from "../workspace.mjs"
import { block, kind, readBlocks } from "./tls-wire.mjs"

/** The blocks of SMP's messages through bare node:tls, to a process of its own and back. */
export class RawTls {
  #child
  #pairs

  constructor(child, pairs) {
    this.#child = child
    this.#pairs = pairs
  }

  static async open(connections) {
    const child = new MeasuredChild([fileURLToPath(new URL("./tls-server.mjs", import.meta.url))])
    const { port, ca } = JSON.parse(await child.line())
    const pairs = []
    for (let n = 0; n < connections; n++) pairs.push(await openPair(n, port, ca))
    return new RawTls(child, pairs)
  }

  /** Five blocks a message, as SEND, OK, MSG, ACK and OK when none shares a block with another. */
  async fiveBlocks(messages, inFlight) {
    return await this.#measure(messages, inFlight, kind.send)
  }

  /** Two blocks a message: what is left when all answers share blocks with something else. */
  async twoBlocks(messages, inFlight) {
    return await this.#measure(messages, inFlight, kind.forward)
  }

  /** SEND to MSG with one message at a time, in milliseconds. */
  async latency(messages) {
    const pair = this.#pairs[0]
    const latencies = []
    for (let i = 0; i < messages; i++) {
      const before = performance.now()
      await pair.move(1, 1, kind.send, () => latencies.push(performance.now() - before))
    }
    return median(latencies)
  }

  async close() {
    for (const { sender, receiver } of this.#pairs) {
      sender.destroy()
      receiver.destroy()
    }
    await this.#child.stop()
  }

  async #measure(messages, inFlight, type) {
    const { value: elapsedMs, cpuMs } = await withCpu(this.#child, async () => {
      const began = performance.now()
      await Promise.all(
        this.#pairs.map((pair, i) =>
          pair.move(share(messages, i, this.#pairs.length), share(inFlight, i, this.#pairs.length), type),
        ),
      )
      return performance.now() - began
    })
    return { messagesPerSecond: (messages * 1000) / elapsedMs, cpuMsPerMessage: cpuMs / messages }
  }
}

const share = (total, i, parts) => Math.floor(total / parts) + (i < total % parts ? 1 : 0)

async function openPair(number, port, ca) {
  const sender = await open(port, ca)
  const receiver = await open(port, ca)
  receiver.write(block(kind.receiver, number))
  const ack = block(kind.ack, number)
  // Something came that was waited for: what is done then.
  let onMessage = () => undefined
  let onAcknowledged = () => undefined
  readBlocks(sender, () => undefined)
  readBlocks(receiver, (type) => {
    if (type === kind.message) onMessage()
    else onAcknowledged()
  })
  const move = (messages, inFlight, type, onDelivered = () => undefined) => {
    if (messages === 0) return Promise.resolve()
    const outgoing = block(type, number)
    let toSend = messages
    let toFinish = messages
    return new Promise((resolve) => {
      const send = () => {
        if (toSend === 0) return
        toSend -= 1
        sender.write(outgoing)
      }
      const finish = () => {
        toFinish -= 1
        if (toFinish === 0) resolve()
        else send()
      }
      onAcknowledged = finish
      onMessage = () => {
        onDelivered()
        if (type === kind.send) receiver.write(ack)
        else finish()
      }
      for (let i = 0; i < inFlight; i++) send()
    })
  }
  return { sender, receiver, move }
}

async function open(port, ca) {
  const socket = connect({
    ...tlsProfile,
    host: "127.0.0.1",
    port,
    ca,
    // The leaf names no host: the certificate above it is the one that the server has just handed over.
    checkServerIdentity: () => undefined,
    ALPNProtocols: [smpAlpn],
  })
  await once(socket, "secureConnect")
  socket.setNoDelay(true)
  return socket
}
