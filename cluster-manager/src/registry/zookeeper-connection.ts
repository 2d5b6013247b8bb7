import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { DrcError } from '@drc/protocol';
import { ACL, createClient, Exception, Id, Permission, type Client } from 'node-zookeeper-client';
import type { Clock } from '../clock.js';

/*
 * One session with one ZooKeeper server over one TCP connection, from its beginning to its end. The library would
 * connect again by itself, but it then takes half an answer of the old connection for the beginning of the next one's,
 * never answers what waited to be sent, has no limit for an answer, and does not notice a server that fell silent; and
 * an answer with a code that it does not know throws where nobody can catch it. So its own way to connect is put out of
 * use here, and whoever wants another session makes another connection. Nothing of ours is bound to a session: there
 * are no ephemeral nodes, and watches are set anew.
 *
 * This is the one place that knows the library's internals; its version is pinned. Never used: version 0 in its
 * transactions, where it means "any".
 */
export interface ZooKeeperServer {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionOptions {
  readonly server: ZooKeeperServer;
  /** The owner of all nodes, by ZooKeeper's scheme `digest`. */
  readonly user: string;
  readonly password: string;
  /** What is asked for; the server has bounds of its own. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
}

export interface ZooKeeperNode {
  readonly data: Buffer;
  /** Counts the changes of its data. */
  readonly version: number;
}

export type Operation =
  | { readonly kind: 'create'; readonly path: string; readonly data: Buffer }
  /** `version` is what the node must be at, from 1 on; absent: whatever. */
  | { readonly kind: 'set'; readonly path: string; readonly data: Buffer; readonly version?: number }
  | { readonly kind: 'remove'; readonly path: string };

/** The library's name for it. */
const connecting = 1;
/** ZooKeeper itself sends no more than a MiB of data; a list of children can be longer. */
const maxAnswerBytes = 16 * 1024 * 1024;
const openMs = 5_000;
/** A server may grant more than was asked for; beyond this it did not. */
const longestSessionMs = 60_000;
const closeMs = 1_000;

export class ZooKeeperConnection implements AsyncDisposable {
  /** Resolves when the connection is no more, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  /** What rejects each request that has no answer yet, and when it was sent. */
  readonly #waiting = new Map<(error: Error) => void, number>();
  readonly #watch: NodeJS.Timeout;
  /** Why it ended. */
  #failure: DrcError | undefined;
  /** On the clock's monotonic time. */
  #heardAt: number;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#heardAt = options.clock.monotonic();
    this.#client = createClient('none', { sessionTimeout: options.sessionTimeoutMs });
    this.#client.addAuthInfo('digest', Buffer.from(`${options.user}:${options.password}`));
    const manager = this.#client.connectionManager;
    const { host, port } = options.server;
    const socket = connect({ host, port, noDelay: true });
    manager.connect = () => undefined;
    manager.socket = socket;
    manager.setState(connecting);
    let cause: unknown;
    socket.on('error', (error) => (cause = error));
    socket.on('connect', () => manager.onSocketConnected());
    socket.on('drain', () => manager.onSocketDrain());
    socket.on('data', (data) => {
      this.#heardAt = options.clock.monotonic();
      try {
        manager.onSocketData(data);
        if ((manager.pendingBuffer?.length ?? 0) > maxAnswerBytes)
          throw new RangeError('an answer without end');
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        clearInterval(this.#watch);
        this.#failure ??= new DrcError(
          'REGISTRY_UNAVAILABLE',
          `The connection to ZooKeeper at ${host}:${port} ended.`,
          { server: `${host}:${port}` },
          { cause },
        );
        manager.onSocketClosed();
        for (const reject of this.#waiting.keys()) reject(this.#failure);
        this.#waiting.clear();
        resolve();
      });
    });
    // The library asks for a sign of life each third of the session; a server that gives none is gone. One that goes on
    // giving signs, and owes an answer for as long as a session, has lost it. Where a look comes late it was this process
    // that stood still: the server gets until the next one.
    const lookMs = options.sessionTimeoutMs / 6;
    let lookedAt = options.clock.monotonic();
    this.#watch = setInterval(() => {
      const sinceMs = options.clock.monotonic() - lookedAt;
      lookedAt += sinceMs;
      if (sinceMs > 2 * lookMs) return;
      const [oldest] = this.#waiting.values();
      const owed = oldest === undefined ? 0 : options.clock.monotonic() - oldest;
      if (this.silentMs > (this.sessionMs * 2) / 3 || owed > this.sessionMs) this.#destroy('fell silent');
    }, lookMs);
  }

  /** @throws DrcError `REGISTRY_UNAVAILABLE` where there is no session within five seconds. */
  static async open(options: ConnectionOptions): Promise<ZooKeeperConnection> {
    const connection = new ZooKeeperConnection(options);
    const late = setTimeout(() => connection.#destroy('does not answer'), openMs);
    try {
      await connection.#request<void>((callback) => {
        connection.#client.once('connected', () => callback(undefined));
        connection.#client.once('authenticationFailed', () => connection.#destroy('refuses the user'));
      });
      return connection;
    } finally {
      clearTimeout(late);
    }
  }

  get hasEnded(): boolean {
    return this.#failure !== undefined;
  }

  /** For how long nothing was heard of the server. */
  get silentMs(): number {
    return this.#options.clock.monotonic() - this.#heardAt;
  }

  /** What the server made of `sessionTimeoutMs`. */
  get sessionMs(): number {
    return Math.min(
      this.#client.getSessionTimeout(),
      Math.max(this.#options.sessionTimeoutMs, longestSessionMs),
    );
  }

  /** Undefined where there is no such node. `onChange` is called at its next change, once. */
  async read(path: string, onChange?: () => void): Promise<ZooKeeperNode | undefined> {
    try {
      return await this.#request<ZooKeeperNode>((callback) =>
        this.#client.getData(path, onChange, (error, data, stat) =>
          error
            ? callback(error)
            : callback(undefined, { data: data ?? Buffer.alloc(0), version: stat.version }),
        ),
      );
    } catch (error) {
      if (codeOf(error) === Exception.NO_NODE) return undefined;
      throw this.#explained(error, path);
    }
  }

  /** Names; none where there is no such node. */
  async children(path: string): Promise<readonly string[]> {
    try {
      return await this.#request((callback) => this.#client.getChildren(path, callback));
    } catch (error) {
      if (codeOf(error) === Exception.NO_NODE) return [];
      throw this.#explained(error, path);
    }
  }

  /** Whether others than one who logged in can do anything with the node. */
  async isOpenToAll(path: string): Promise<boolean> {
    try {
      const acls = await this.#request<readonly ACL[]>((callback) => this.#client.getACL(path, callback));
      return acls.some(({ id }) => id.scheme === 'world' || id.scheme === 'ip');
    } catch (error) {
      if (codeOf(error) === Exception.NO_NODE) return false;
      throw this.#explained(error, path);
    }
  }

  /** An empty node, and those above it that are missing, for the user alone. */
  async make(path: string): Promise<void> {
    const names = path.split('/').slice(1);
    for (const [index] of names.entries()) {
      const node = `/${names.slice(0, index + 1).join('/')}`;
      if ((await this.#request((callback) => this.#client.exists(node, callback))) !== null) continue;
      try {
        await this.#request((callback) =>
          this.#client.create(node, Buffer.alloc(0), this.#owner(), callback),
        );
      } catch (error) {
        if (codeOf(error) !== Exception.NODE_EXISTS) throw this.#explained(error, node);
      }
    }
  }

  /**
   * All of it or nothing. `conflict` where a version, or what was to be there or not, was not so.
   * @throws DrcError `REGISTRY_UNAVAILABLE`: nobody knows whether it was done.
   */
  async commit(operations: readonly Operation[]): Promise<'done' | 'conflict'> {
    const transaction = this.#client.transaction();
    for (const operation of operations) {
      const { path } = operation;
      if (operation.kind === 'create') transaction.create(path, operation.data, this.#owner());
      else if (operation.kind === 'remove') transaction.remove(path);
      else transaction.setData(path, operation.data, operation.version ?? -1);
    }
    try {
      await this.#request((callback) => transaction.commit(callback));
      return 'done';
    } catch (error) {
      const { BAD_VERSION, NODE_EXISTS, NO_NODE } = Exception;
      if ([BAD_VERSION, NODE_EXISTS, NO_NODE].includes(codeOf(error) ?? 0)) return 'conflict';
      throw this.#explained(error, operations[0]?.path ?? '');
    }
  }

  /** Ends the session, as far as the server answers within a second. */
  async close(): Promise<void> {
    if (this.#failure === undefined) {
      this.#client.close();
      await Promise.race([this.ended, pause(closeMs, undefined, { ref: false })]);
    }
    this.#destroy('was closed');
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #request<Result>(
    send: (callback: (error: Error | null | undefined, result?: Result) => void) => void,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting.set(reject, this.#options.clock.monotonic());
      send((error, result) => {
        // What the end of the connection makes of a request is said by `ended`, in our words.
        if (this.#failure !== undefined || !this.#waiting.delete(reject)) return;
        if (error) reject(error);
        else resolve(result as Result);
      });
    });
  }

  #destroy(what: string): void {
    const { host, port } = this.#options.server;
    const server = `${host}:${port}`;
    this.#failure ??= new DrcError('REGISTRY_UNAVAILABLE', `ZooKeeper at ${server} ${what}.`, { server });
    this.#client.connectionManager.socket.destroy();
  }

  #owner(): readonly ACL[] {
    const { user, password } = this.#options;
    const digest = createHash('sha1').update(`${user}:${password}`).digest('base64');
    return [new ACL(Permission.ALL, new Id('digest', `${user}:${digest}`))];
  }

  #explained(error: unknown, path: string): Error {
    if (error instanceof DrcError) return error;
    const { user, server } = this.#options;
    if (codeOf(error) === Exception.NO_AUTH) {
      return new DrcError(
        'CONFIG_INVALID',
        `ZooKeeper does not let the user ${user} at ${path}: it belongs to another user, or has another password.`,
        { reason: 'zookeeperAuth', path },
      );
    }
    return new DrcError(
      'REGISTRY_UNAVAILABLE',
      `ZooKeeper at ${server.host}:${server.port} could not do what was asked at ${path}.`,
      { path },
      { cause: error },
    );
  }
}

const codeOf = (error: unknown): number | undefined => (error instanceof Exception ? error.code : undefined);
