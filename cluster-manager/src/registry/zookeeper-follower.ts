import { setTimeout as pause } from 'node:timers/promises';
import { DrcError } from '@drc/protocol';
import type { Clock } from '../clock.js';
import { ZooKeeperConnection, type ZooKeeperServer } from './zookeeper-connection.js';
import { writeZooKeeperMark } from './zookeeper-mark.js';
import { readSnapshot } from './zookeeper-reader.js';
import type { Snapshot } from './zookeeper-state.js';

export interface FollowerOptions {
  /** The manager's folder, for the mark. */
  readonly directory: string;
  /** Tried in turn. */
  readonly servers: readonly ZooKeeperServer[];
  /** The node that holds the registry, such as `/drc`. */
  readonly root: string;
  readonly user: string;
  readonly password: string;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  /** Told when ZooKeeper is there again, and when it is not, with the reason. */
  readonly onChange?: (problem: DrcError | undefined) => void;
}

/** How long a start looks for a server. */
const startMs = 15_000;
const longestPauseMs = 2_000;

/**
 * Keeps a snapshot of the registry fresh: one connection after the other, and on each a watch on the root.
 */
export class ZooKeeperFollower implements AsyncDisposable {
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  #snapshot: Snapshot;
  /** The one on which the snapshot is fresh. */
  #connection: ZooKeeperConnection | undefined;
  /** When the snapshot was last known to be fresh; counts while there is no connection. */
  #freshAt: number;
  #problem: DrcError | undefined;
  /** The revision of the mark, as far as it was written here. */
  #marked = 0;
  #wake: (() => void)[] = [];

  private constructor(options: FollowerOptions, first: Fresh) {
    this.#options = options;
    this.#snapshot = first.snapshot;
    this.#connection = first.connection;
    this.#freshAt = options.clock.monotonic();
    this.#work = this.#run(first);
  }

  /**
   * Goes on with what was read on a connection, which it takes over.
   * @throws what `readSnapshot` does; the connection is still the caller's then.
   */
  static async start(
    options: FollowerOptions,
    connection: ZooKeeperConnection,
    known: Snapshot,
  ): Promise<ZooKeeperFollower> {
    const changed = new Flag();
    const snapshot = await readSnapshot(connection, options.root, known, changed.raise);
    return new ZooKeeperFollower(options, { connection, snapshot, changed });
  }

  /** The newest that was read. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /**
   * The connection on which the snapshot is fresh; undefined while there is none. Looked at anew with each use, not by a
   * timer: a process that was stopped for an hour knows it at once.
   */
  get live(): ZooKeeperConnection | undefined {
    const connection = this.#connection;
    if (connection === undefined || connection.hasEnded) return undefined;
    return connection.silentMs <= connection.sessionMs ? connection : undefined;
  }

  /** How long ago the snapshot was last known to be fresh. */
  get ageMs(): number {
    return this.#connection?.silentMs ?? this.#options.clock.monotonic() - this.#freshAt;
  }

  /** Why there is no live connection. */
  get problem(): DrcError | undefined {
    return this.#problem;
  }

  /** Takes a snapshot that was made, not read; an older one is passed over. */
  publish(snapshot: Snapshot): void {
    if (snapshot.root.revision <= this.#snapshot.root.revision) return;
    this.#snapshot = snapshot;
    this.#rouse();
  }

  /** Until the snapshot or the connection is another one; at most so long. */
  async news(ms: number): Promise<void> {
    const late = new AbortController();
    await Promise.race([
      new Promise<void>((resolve) => this.#wake.push(resolve)),
      pause(ms, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#rouse();
    await this.#work;
    await this.#mark();
  }

  #rouse(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** One connection after the other, until it is closed. */
  async #run(first: Fresh): Promise<void> {
    const { signal } = this.#stop;
    const { servers, clock } = this.#options;
    let fresh: Fresh | undefined = first;
    for (let failures = 0, next = 0; !signal.aborted; ) {
      try {
        await using connection =
          fresh?.connection ?? (await openConnection(this.#options, servers[next++ % servers.length]!));
        const changed: Flag = fresh?.changed ?? new Flag();
        const isRead = fresh !== undefined;
        fresh = undefined;
        void connection.ended.then(changed.raise);
        signal.addEventListener('abort', changed.raise, { once: true });
        try {
          if (!isRead) await this.#read(connection, changed);
          failures = 0;
          for (await changed.lowered(); !signal.aborted; await changed.lowered())
            await this.#read(connection, changed);
        } finally {
          signal.removeEventListener('abort', changed.raise);
          if (this.#connection === connection) this.#freshAt = clock.monotonic() - connection.silentMs;
          this.#connection = undefined;
        }
      } catch (error) {
        failures++;
        this.#fail(error);
      }
      if (signal.aborted) break;
      // Full jitter: the managers do not come back in step.
      const longest = Math.min(longestPauseMs, 100 * 2 ** Math.min(failures, 10));
      await pause(Math.random() * longest, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Takes what is new. From then on the connection is the one on which changes are made. */
  async #read(connection: ZooKeeperConnection, changed: Flag): Promise<void> {
    this.publish(await readSnapshot(connection, this.#options.root, this.#snapshot, changed.raise));
    if (this.#connection === undefined) {
      this.#connection = connection;
      this.#problem = undefined;
      this.#options.onChange?.(undefined);
      this.#rouse();
    }
    await this.#mark();
  }

  #fail(error: unknown): void {
    const problem =
      error instanceof DrcError
        ? error
        : new DrcError('REGISTRY_UNAVAILABLE', 'ZooKeeper does not answer.', {}, { cause: error });
    const isNews = this.#problem?.code !== problem.code;
    this.#problem = problem;
    if (isNews) this.#options.onChange?.(problem);
    this.#rouse();
  }

  /** It may lag behind, never be ahead; so a disk that takes none now is no reason to stop. */
  async #mark(): Promise<void> {
    const { root } = this.#snapshot;
    if (root.revision <= this.#marked) return;
    try {
      await writeZooKeeperMark(this.#options.directory, root);
      this.#marked = root.revision;
    } catch {
      // The next change tries again.
    }
  }
}

/** What was read first, and the connection on which it goes on. */
interface Fresh {
  readonly connection: ZooKeeperConnection;
  readonly snapshot: Snapshot;
  readonly changed: Flag;
}

/** Raised by whoever has news, however often; lowered by the one who looks after them. */
class Flag {
  #isUp = false;
  #onRaise: (() => void) | undefined;

  readonly raise = (): void => {
    this.#isUp = true;
    this.#onRaise?.();
  };

  /** Waits until it is up, and takes it down. */
  async lowered(): Promise<void> {
    if (!this.#isUp) await new Promise<void>((resolve) => (this.#onRaise = resolve));
    this.#isUp = false;
  }
}

function openConnection(options: FollowerOptions, server: ZooKeeperServer): Promise<ZooKeeperConnection> {
  const { user, password, sessionTimeoutMs, clock } = options;
  return ZooKeeperConnection.open({ server, user, password, sessionTimeoutMs, clock });
}

/** @throws DrcError `REGISTRY_UNAVAILABLE` where no server answers for 15 s. */
export async function connectToAny(options: FollowerOptions): Promise<ZooKeeperConnection> {
  const { servers, clock } = options;
  const deadline = clock.monotonic() + startMs;
  for (let next = 0; ; next++) {
    try {
      return await openConnection(options, servers[next % servers.length]!);
    } catch (error) {
      if (clock.monotonic() >= deadline) throw error;
      await pause(200);
    }
  }
}
