import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

export type Direction = 'toServer' | 'toClient';

/**
 * What the proxy does to each connection, those that are open included, until another fault is set.
 * Offsets and counts are of one connection and one direction, from the connection's first byte on.
 */
export type Fault =
  | { readonly kind: 'none' }
  /** Nothing passes; nobody is told. What arrives waits in the kernel's buffers. */
  | { readonly kind: 'stall'; readonly direction?: Direction }
  /** Both sides are reset as soon as this many bytes have passed. */
  | { readonly kind: 'cutAfter'; readonly bytes: number; readonly direction: Direction }
  /** The lowest bit of the byte at `offset` is turned over; all else passes. */
  | { readonly kind: 'flip'; readonly offset: number; readonly direction: Direction }
  /** Every byte is a write of its own. */
  | { readonly kind: 'dribble'; readonly direction?: Direction }
  /** New connections are accepted and reset. */
  | { readonly kind: 'refuse' };

/** A TCP proxy on a free port of 127.0.0.1 that can do to a connection what networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** How often a fault has struck: a cut, a flipped byte, a refused connection, a direction that fell silent. */
  readonly strikes: number;
  /** Bytes passed on in that direction, over all connections. */
  passed(direction: Direction): number;
  set(fault: Fault): void;
  /** Ends one direction of every open connection in an orderly way (FIN); the other goes on. */
  halfClose(direction: Direction): void;
  /** Resets every open connection. */
  cut(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const counts: Counts = { strikes: 0, passed: { toServer: 0, toClient: 0 } };
  const links = new Set<Link>();
  let fault: Fault = { kind: 'none' };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (fault.kind === 'refuse') {
      counts.strikes++;
      client.resetAndDestroy();
      return;
    }
    const link = new Link(client, connect({ ...target, allowHalfOpen: true }), fault, counts);
    links.add(link);
    client.once('close', () => links.delete(link));
  });
  const port = await listen(server);
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const link of links) link.cut();
    await closed;
  };
  return {
    host: '127.0.0.1',
    port,
    get connections() {
      return links.size;
    },
    get strikes() {
      return counts.strikes;
    },
    passed: (direction) => counts.passed[direction],
    set(next) {
      fault = next;
      for (const link of links) link.set(next);
    },
    halfClose(direction) {
      for (const link of links) link.halfClose(direction);
    },
    cut() {
      for (const link of links) {
        counts.strikes++;
        link.cut();
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Counts {
  strikes: number;
  readonly passed: Record<Direction, number>;
}

/** Two pumps around one pair of sockets. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #pumps: readonly Pump[];

  constructor(client: Socket, server: Socket, fault: Fault, counts: Counts) {
    this.#client = client;
    this.#server = server;
    this.#pumps = [
      new Pump('toServer', client, server, fault, counts, () => this.cut()),
      new Pump('toClient', server, client, fault, counts, () => this.cut()),
    ];
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.cut());
      socket.once('close', () => this.#onClosed());
    }
  }

  set(fault: Fault): void {
    for (const pump of this.#pumps) pump.set(fault);
  }

  halfClose(direction: Direction): void {
    (direction === 'toServer' ? this.#server : this.#client).end();
  }

  cut(): void {
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  #onClosed(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}

/** One direction of one connection. At most one piece of data is on its way at a time; the source waits for it. */
class Pump {
  readonly #direction: Direction;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #counts: Counts;
  readonly #cut: () => void;
  #fault: Fault;
  #at = 0;
  #writing = false;

  constructor(direction: Direction, from: Socket, to: Socket, fault: Fault, counts: Counts, cut: () => void) {
    this.#direction = direction;
    this.#from = from;
    this.#to = to;
    this.#counts = counts;
    this.#cut = cut;
    this.#fault = { kind: 'none' };
    from.on('data', (bytes: Buffer) => void this.#pass(bytes));
    from.once('end', () => to.end());
    this.set(fault);
  }

  set(fault: Fault): void {
    const wasStalled = this.#stalled;
    this.#fault = fault;
    if (this.#stalled && !wasStalled) this.#counts.strikes++;
    this.#flow();
  }

  get #stalled(): boolean {
    return this.#fault.kind === 'stall' && (this.#fault.direction ?? this.#direction) === this.#direction;
  }

  #flow(): void {
    if (this.#stalled || this.#writing) this.#from.pause();
    else this.#from.resume();
  }

  async #pass(bytes: Buffer): Promise<void> {
    this.#writing = true;
    this.#flow();
    const fault = this.#fault;
    const mine = !('direction' in fault) || (fault.direction ?? this.#direction) === this.#direction;
    if (mine && fault.kind === 'cutAfter' && this.#at + bytes.length >= fault.bytes) {
      this.#counts.strikes++;
      await this.#write(bytes.subarray(0, Math.max(0, fault.bytes - this.#at)));
      // Time for the other side to take what it was still to get: a reset throws away what lies unread.
      await sleep(20);
      this.#cut();
      return;
    }
    if (mine && fault.kind === 'flip' && fault.offset >= this.#at && fault.offset < this.#at + bytes.length) {
      this.#counts.strikes++;
      bytes[fault.offset - this.#at]! ^= 1;
    }
    if (mine && fault.kind === 'dribble')
      for (let at = 0; at < bytes.length; at++) {
        await this.#write(bytes.subarray(at, at + 1));
        // A turn of the event loop, or the kernel joins all of them again before a reader of this process looks.
        await turn();
      }
    else await this.#write(bytes);
    this.#writing = false;
    this.#flow();
  }

  /** Resolves when the kernel has taken the bytes, or when nobody is left to take them. */
  #write(bytes: Buffer): Promise<void> {
    this.#at += bytes.length;
    this.#counts.passed[this.#direction] += bytes.length;
    return new Promise((resolve) => {
      if (this.#to.destroyed || this.#to.writableEnded) resolve();
      else this.#to.write(bytes, () => resolve());
    });
  }
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
