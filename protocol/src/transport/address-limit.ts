import type { Server, Socket } from 'node:net';

/**
 * Bounds the connections that one address holds at a time: a further one is ended before anything of it is read. Those
 * that have proved who they are can be let out of the count.
 */
export class AddressLimit {
  readonly #counts = new Map<string, number>();
  /** By `address port`, which is one connection at a time. */
  readonly #counted = new Set<string>();
  readonly #sockets = new Set<Socket>();

  /** @param refused called for each connection that is ended */
  constructor(server: Server, perAddress: number, refused: () => void) {
    // In front of the server's own listener: TLS would begin its handshake.
    server.prependListener('connection', (socket: Socket) => {
      const { remoteAddress: address, remotePort: port } = socket;
      if (address === undefined || port === undefined) return void socket.destroy();
      this.#sockets.add(socket);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.release(address, port);
      });
      const key = `${address} ${port}`;
      if (this.#counted.has(key)) return;
      this.#counted.add(key);
      const count = (this.#counts.get(address) ?? 0) + 1;
      this.#counts.set(address, count);
      if (count <= perAddress) return;
      refused();
      socket.destroy();
    });
  }

  /** This connection counts no longer. */
  release(address: string, port: number): void {
    if (!this.#counted.delete(`${address} ${port}`)) return;
    const left = (this.#counts.get(address) ?? 1) - 1;
    if (left > 0) this.#counts.set(address, left);
    else this.#counts.delete(address);
  }

  /** Ends every connection, those included that are still in TLS's handshake, of which an HTTP server knows nothing. */
  closeAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
