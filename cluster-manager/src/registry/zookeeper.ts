import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DrcError, isDrcError } from '@drc/protocol';
import {
  entryName,
  entryText,
  findEntry,
  isExpected,
  listEntries,
  parseEntry,
  type Entry,
} from './entries.js';
import { LockFile } from './lock-file.js';
import { recordSchemas, type RecordKind, type RegistryRecords } from './records.js';
import type { Expected, FirstRecord, Registry, RegistryState, Stored } from './registry.js';
import type { Operation, ZooKeeperConnection } from './zookeeper-connection.js';
import { connectToAny, ZooKeeperFollower, type FollowerOptions } from './zookeeper-follower.js';
import { readZooKeeperMark, writeZooKeeperMark } from './zookeeper-mark.js';
import { mustBeClosed, mustFollow, readSnapshot } from './zookeeper-reader.js';
import { fateOf, firstRoot, nextSnapshot, nodePath, rootText, type Snapshot } from './zookeeper-state.js';

export interface ZooKeeperOptions extends FollowerOptions {
  /** For how long it answers from memory while no ZooKeeper server can be reached. */
  readonly offlineReadsMs: number;
  /** For how long a change is tried; then nobody knows whether it will still come about. */
  readonly writeMs: number;
}

/** ZooKeeper takes requests of up to a MiB. */
const maxRecordBytes = 512 * 1024;

/**
 * The registry of several managers, in ZooKeeper; how it lies there: zookeeper-state.ts. All of it is held in memory and
 * read from there; a watch keeps it fresh, and a connection that falls silent for two thirds of a session counts as
 * gone. Cut off, it goes on being read for `offlineReadsMs`, and takes no changes: `REGISTRY_UNAVAILABLE`.
 */
export class ZooKeeperRegistry implements Registry {
  readonly #options: ZooKeeperOptions;
  readonly #lock: LockFile;
  readonly #follower: ZooKeeperFollower;
  #writes: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(options: ZooKeeperOptions, lock: LockFile, follower: ZooKeeperFollower) {
    this.#options = options;
    this.#lock = lock;
    this.#follower = follower;
  }

  /**
   * Makes the registry of a new cluster with its first records, in one step, and the folder one of it. False where there
   * is one at the root already; that is left as it is, and the records are not asked for.
   */
  static async create(
    options: ZooKeeperOptions,
    records: () => Promise<readonly FirstRecord[]>,
  ): Promise<boolean> {
    using _lock = LockFile.take(lockPath(options.directory));
    await using connection = await connectToAny(options);
    const { root } = options;
    const node = await connection.read(root);
    // An empty one is what an interrupted call leaves.
    if (node !== undefined && node.data.length > 0) return false;
    await connection.make(root);
    await mustBeClosed(connection, root);
    if ((await connection.children(root)).length > 0) {
      // Unless somebody has made it just now.
      if ((await connection.read(root))?.data.length !== 0) return false;
      throw new DrcError(
        'CONFIG_INVALID',
        `The node ${root} in ZooKeeper holds others. Give the registry a root of its own.`,
        { reason: 'zookeeperRoot', path: root },
      );
    }
    const id = randomUUID();
    const entries = new Map<string, Entry>();
    const operations: Operation[] = [];
    for (const { kind, key, value } of await records()) {
      const name = entryName(kind, key);
      const text = entryText(1, recordSchemas[kind].parse(value));
      entries.set(name, parseEntry(name, text));
      operations.push({ kind: 'create', path: nodePath(root, name), data: Buffer.from(text) });
    }
    const data = Buffer.from(rootText(firstRoot(id, entries)));
    // Of two that begin at once the second finds the cluster's name, which both must make.
    operations.push({ kind: 'set', path: root, data });
    if ((await connection.commit(operations)) === 'conflict') return false;
    await writeZooKeeperMark(options.directory, { id, revision: 1 });
    return true;
  }

  /** Makes a folder one of the registry that is at the root. */
  static async join(options: ZooKeeperOptions): Promise<void> {
    using _lock = LockFile.take(lockPath(options.directory));
    await using connection = await connectToAny(options);
    const { root } = await readSnapshot(connection, options.root, undefined, () => undefined);
    await writeZooKeeperMark(options.directory, root);
  }

  /**
   * Opens the registry of a folder that `create` or `join` made. `DATA_FOLDER` with the reason `locked`, `absent` or
   * `format`; `REGISTRY_CORRUPT` where ZooKeeper has another registry, an older one, or a damaged one; `CONFIG_INVALID`
   * where the user may not read it, or everybody may; `REGISTRY_UNAVAILABLE` where no server answers in 15 s.
   */
  static async open(options: ZooKeeperOptions): Promise<ZooKeeperRegistry> {
    const { directory, root } = options;
    const mark = await readZooKeeperMark(directory);
    if (mark === undefined) {
      throw new DrcError(
        'DATA_FOLDER',
        `${directory} holds no cluster manager of a registry in ZooKeeper (zookeeper.mark is not there). Make one with drc cm init.`,
        { reason: 'absent' },
      );
    }
    const lock = LockFile.take(lockPath(directory));
    let connection: ZooKeeperConnection | undefined;
    try {
      connection = await connectToAny(options);
      await mustBeClosed(connection, root);
      const first = await readSnapshot(connection, root, undefined, () => undefined);
      mustFollow(root, first.root, mark);
      const follower = await ZooKeeperFollower.start(options, connection, first);
      return new ZooKeeperRegistry(options, lock, follower);
    } catch (error) {
      await connection?.close();
      lock[Symbol.dispose]();
      throw error;
    }
  }

  async get<K extends RecordKind>(kind: K, key: string): Promise<Stored<RegistryRecords[K]> | undefined> {
    this.#mustBeReadable();
    return findEntry(this.#follower.snapshot.entries, kind, key);
  }

  async list<K extends RecordKind>(kind: K): Promise<readonly Stored<RegistryRecords[K]>[]> {
    this.#mustBeReadable();
    return listEntries(this.#follower.snapshot.entries, kind);
  }

  async put<K extends RecordKind>(
    kind: K,
    key: string,
    value: RegistryRecords[K],
    expected: Expected,
  ): Promise<boolean> {
    this.#mustBeOpen();
    const checked = recordSchemas[kind].parse(value);
    const name = entryName(kind, key);
    if (Buffer.byteLength(entryText(0, checked)) > maxRecordBytes)
      throw new DrcError('REQUEST_INVALID', `The record ${name} is larger than ${maxRecordBytes} bytes.`);
    return this.#inTurn(() => this.#change(name, checked, expected));
  }

  async delete(kind: RecordKind, key: string, expected: number | 'any'): Promise<boolean> {
    this.#mustBeOpen();
    return this.#inTurn(() => this.#change(entryName(kind, key), undefined, expected));
  }

  get state(): RegistryState {
    const { live, ageMs, problem } = this.#follower;
    if (live !== undefined) return { kind: 'live' };
    const reason = problem?.message ?? 'ZooKeeper does not answer.';
    return { kind: 'cutOff', ageMs, isReadable: ageMs <= this.#options.offlineReadsMs, reason };
  }

  close(): Promise<void> {
    this.#closed ??= this.#writes.then(async () => {
      await this.#follower[Symbol.asyncDispose]();
      this.#lock[Symbol.dispose]();
    });
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #mustBeOpen(): void {
    if (this.#closed !== undefined) throw new DrcError('CLOSED', 'The registry is closed.');
  }

  #mustBeReadable(): void {
    this.#mustBeOpen();
    const { state } = this;
    if (state.kind === 'live' || state.isReadable) return;
    throw new DrcError(
      'REGISTRY_UNAVAILABLE',
      'This cluster manager has been cut off from ZooKeeper for too long to answer from memory.',
      { ageMs: Math.round(state.ageMs) },
    );
  }

  /** One change after the other: those of one manager do not get into each other's way. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writes.then(work);
    this.#writes = done.catch(() => undefined);
    return done;
  }

  /** @param value undefined: the record is removed */
  async #change(name: string, value: unknown, expected: Expected): Promise<boolean> {
    const { clock, writeMs } = this.#options;
    const writer = randomBytes(8).toString('hex');
    const deadline = clock.monotonic() + writeMs;
    /** The revision at which it was sent, while nobody knows what became of it. */
    let sentAt: number | undefined;
    for (;;) {
      const { live, snapshot } = this.#follower;
      if (live !== undefined) {
        const fate = sentAt === undefined ? 'refused' : fateOf(snapshot.root, writer, sentAt);
        if (fate === 'applied') return true;
        if (fate === 'unknown') throw unknownOutcome(name);
        // Sent again at the same revision: only one of the two can come about, and it is the same change.
        if (fate === 'refused') sentAt = undefined;
        if (!isPossible(snapshot.entries.get(name), value, expected)) return false;
        const late = deadline - clock.monotonic();
        const answer = await withinMs(late, this.#commit(live, snapshot, { name, value, writer }));
        if (answer === 'done') return true;
        if (answer === undefined || answer === 'lost') sentAt = snapshot.root.revision;
      } else if (sentAt === undefined) throw cutOff();
      if (clock.monotonic() >= deadline) throw sentAt === undefined ? tooBusy(name) : unknownOutcome(name);
      // Somebody else was first, or the connection is gone: there is more to say when the root has been read again.
      if (this.#follower.snapshot === snapshot) await this.#follower.news(deadline - clock.monotonic());
    }
  }

  async #commit(
    connection: ZooKeeperConnection,
    before: Snapshot,
    change: { readonly name: string; readonly value: unknown; readonly writer: string },
  ): Promise<'done' | 'conflict' | 'lost'> {
    const { root } = this.#options;
    const { snapshot, text } = nextSnapshot(before, change);
    const path = nodePath(root, change.name);
    const operations: readonly Operation[] = [
      { kind: 'set', path: root, data: Buffer.from(rootText(snapshot.root)), version: before.nodeVersion },
      recordOperation(path, before.entries.has(change.name), text),
    ];
    try {
      const outcome = await connection.commit(operations);
      if (outcome === 'done') this.#follower.publish(snapshot);
      return outcome;
    } catch (error) {
      if (isDrcError(error, 'REGISTRY_UNAVAILABLE')) return 'lost';
      throw error;
    }
  }
}

/** Undefined where it takes longer; it is not ended then. */
async function withinMs<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  const inTime = new AbortController();
  try {
    return await Promise.race([
      work,
      pause(Math.max(0, ms), undefined, { signal: inTime.signal }).catch(() => undefined),
    ]);
  } finally {
    inTime.abort();
  }
}

/** What is not there cannot be removed. */
const isPossible = (old: Entry | undefined, value: unknown, expected: Expected): boolean =>
  isExpected(old, expected) && (value !== undefined || old !== undefined);

function recordOperation(path: string, isThere: boolean, text: string | undefined): Operation {
  if (text === undefined) return { kind: 'remove', path };
  return { kind: isThere ? 'set' : 'create', path, data: Buffer.from(text) };
}

const cutOff = (): DrcError =>
  new DrcError(
    'REGISTRY_UNAVAILABLE',
    'This cluster manager is cut off from ZooKeeper and takes no changes; nothing was changed.',
    { outcome: 'refused' },
  );

const tooBusy = (name: string): DrcError =>
  new DrcError('REGISTRY_UNAVAILABLE', `Others changed the registry all the time; ${name} was not changed.`, {
    outcome: 'refused',
  });

const unknownOutcome = (name: string): DrcError =>
  new DrcError(
    'REGISTRY_UNAVAILABLE',
    `ZooKeeper did not say what became of the change of ${name}: it may have been made, or may still be. Look before you repeat it.`,
    { outcome: 'unknown' },
  );

const lockPath = (directory: string): string => join(directory, 'manager.lock');
