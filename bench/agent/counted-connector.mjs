/** Connects as `connector` does, and counts what goes out by the sessions. */
export class CountedConnector {
  #connector
  blocks = 0

  constructor(connector) {
    this.#connector = connector
  }

  async connect(address, options) {
    const session = await this.#connector.connect(address, options)
    const count = () => this.blocks++
    return {
      version: session.version,
      sessionId: session.sessionId,
      serverSessionKey: session.serverSessionKey,
      maxContentSize: session.maxContentSize,
      closed: session.closed,
      send: (content) => {
        count()
        return session.send(content)
      },
      receive: () => session.receive(),
      close: () => session.close(),
      [Symbol.asyncDispose]: () => session.close(),
    }
  }
}
