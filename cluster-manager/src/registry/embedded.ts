import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { Level } from 'level';
import { writeDurably } from './durable-file.js';
import {
  emptyDigest,
  entryName,
  entryText,
  findEntry,
  isExpected,
  listEntries,
  parseEntry,
  sumOf,
  xor,
  type Entry,
} from './entries.js';
import { LockFile } from './lock-file.js';
import { recordSchemas, type RecordKind, type RegistryRecords } from './records.js';
import type { Expected, FirstRecord, Registry, RegistryHooks, RegistryState, Stored } from './registry.js';

/*
 * In the manager's folder:
 *
 *   manager.lock     who has it open
 *   registry/        LevelDB:   <kind>!<key> → {"version":n,"value":…}      see entries.ts
 *                               meta         → {"revision":n,"digest":hex}
 *   registry.mark    {"format":3,"revision":n}: a registry must be there, and be at least this new
 *
 * LevelDB opens cleanly after it lost records (a flipped bit in its write-ahead log drops what follows), and makes an
 * empty database where there was one. So every change writes the new revision and the digest of all records in one
 * batch, and then the mark, which is not in LevelDB. Changes that wait for the one under way are written together: each has
 * a revision of its own, and either all of them are there after a crash or none. Opening reads everything and compares;
 * nothing is read from LevelDB after that.
 */
/** 2: users and keys with grants, roles and tokens. 3: checkpoints. Records of 1 and 2 are taken over as they are read. */
const format = 3;
const metaKey = 'meta';

/** Changes that are written together: some 6 MiB at most. */
const maxGroup = 100;

export interface EmbeddedRegistryOptions {
  /** The manager's folder. */
  readonly directory: string;
  readonly hooks?: RegistryHooks;
}

/** The registry of a single manager, in its folder. */
export class EmbeddedRegistry implements Registry {
  readonly #level: Level<string, string>;
  readonly #lock: LockFile;
  readonly #directory: string;
  readonly #hooks: RegistryHooks;
  readonly #entries: Map<string, Entry>;
  #digest: Buffer;
  #revision: number;
  #writes: Promise<void> = Promise.resolve();
  #waiting: WaitingChange[] = [];
  #closed: Promise<void> | undefined;
  /** Set by the first write that failed: those queued behind it must not be tried. */
  #failure: DrcError | undefined;

  private constructor(
    options: EmbeddedRegistryOptions,
    lock: LockFile,
    level: Level<string, string>,
    content: Content,
  ) {
    this.#directory = options.directory;
    this.#hooks = options.hooks ?? {};
    this.#lock = lock;
    this.#level = level;
    this.#entries = content.entries;
    this.#digest = content.digest;
    this.#revision = content.revision;
  }

  /**
   * Makes the registry of a new cluster with its first records, in one step: until the mark is written there is none.
   * The folder must exist and hold no registry.
   */
  static async create(options: EmbeddedRegistryOptions, records: readonly FirstRecord[]): Promise<void> {
    using _lock = LockFile.take(lockPath(options.directory));
    if ((await readMark(options.directory)) !== undefined) {
      throw new DrcError('DATA_FOLDER', `${options.directory} holds a registry already.`, {
        reason: 'notEmpty',
      });
    }
    const level = new Level<string, string>(levelPath(options.directory), { errorIfExists: true });
    try {
      await level.open();
      let digest = emptyDigest;
      const batch = level.batch();
      for (const { kind, key, value } of records) {
        const name = entryName(kind, key);
        const text = entryText(1, recordSchemas[kind].parse(value));
        digest = xor(digest, sumOf(name, text));
        batch.put(name, text);
      }
      batch.put(metaKey, metaText(1, digest));
      await batch.write({ sync: true });
    } finally {
      await level.close();
    }
    await writeDurably(markPath(options.directory), markText(1));
  }

  /**
   * Opens the registry of a folder. `DATA_FOLDER` with the reason `locked` (another process has it), `absent` (no
   * manager was made here) or `format` (of a newer version); `REGISTRY_CORRUPT` where anything is missing or changed.
   */
  static async open(options: EmbeddedRegistryOptions): Promise<EmbeddedRegistry> {
    const { directory } = options;
    const mark = await readMark(directory);
    if (mark === undefined) {
      throw new DrcError(
        'DATA_FOLDER',
        `${directory} holds no cluster manager (registry.mark is not there). Make one with drc cm init; if there was one, restore the folder.`,
        { reason: 'absent' },
      );
    }
    const lock = LockFile.take(lockPath(directory));
    try {
      const level = new Level<string, string>(levelPath(directory), { createIfMissing: false });
      try {
        const content = await readContent(level, directory, mark);
        if (content.revision > mark) await writeDurably(markPath(directory), markText(content.revision));
        return new EmbeddedRegistry(options, lock, level, content);
      } catch (error) {
        await level.close();
        throw error;
      }
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** There is nobody that it could be cut off from. */
  get state(): RegistryState {
    return { kind: 'live' };
  }

  async get<K extends RecordKind>(kind: K, key: string): Promise<Stored<RegistryRecords[K]> | undefined> {
    this.#mustBeOpen();
    return findEntry(this.#entries, kind, key);
  }

  async list<K extends RecordKind>(kind: K): Promise<readonly Stored<RegistryRecords[K]>[]> {
    this.#mustBeOpen();
    return listEntries(this.#entries, kind);
  }

  async put<K extends RecordKind>(
    kind: K,
    key: string,
    value: RegistryRecords[K],
    expected: Expected,
  ): Promise<boolean> {
    this.#mustBeOpen();
    const checked = recordSchemas[kind].parse(value);
    return this.#change(entryName(kind, key), expected, checked);
  }

  async delete(kind: RecordKind, key: string, expected: number | 'any'): Promise<boolean> {
    this.#mustBeOpen();
    return this.#change(entryName(kind, key), expected, undefined);
  }

  close(): Promise<void> {
    this.#closed ??= this.#writes.then(async () => {
      await this.#level.close();
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

  /** @param value undefined: the record is removed */
  #change(name: string, expected: Expected, value: unknown): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ name, expected, value, resolve, reject });
      if (this.#waiting.length === 1) this.#writes = this.#writes.then(() => this.#writeWaiting());
    });
  }

  /** Never throws: what became of its change is said to each who waits. */
  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, maxGroup);
      try {
        if (this.#failure !== undefined) throw this.#failure;
        const isMade = await this.#write(group);
        for (const [index, { resolve }] of group.entries()) resolve(isMade[index]!);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }

  /** Makes those changes that find what they expect, the earlier ones of the group made. @returns which these are */
  async #write(group: readonly WaitingChange[]): Promise<readonly boolean[]> {
    const next = new Map<string, Entry | undefined>();
    let revision = this.#revision;
    let digest = this.#digest;
    const batch = this.#level.batch();
    const isMade = group.map(({ name, expected, value }) => {
      const old = next.has(name) ? next.get(name) : this.#entries.get(name);
      if (!isExpected(old, expected) || (value === undefined && old === undefined)) return false;
      // The revision is never used twice, so a record that was deleted and made again is another one.
      const version = ++revision;
      if (old !== undefined) digest = xor(digest, old.sum);
      if (value === undefined) {
        batch.del(name);
        next.set(name, undefined);
        return true;
      }
      const text = entryText(version, value);
      const sum = sumOf(name, text);
      digest = xor(digest, sum);
      batch.put(name, text);
      next.set(name, { version, value, sum });
      return true;
    });
    if (revision === this.#revision) {
      await batch.close();
      return isMade;
    }
    batch.put(metaKey, metaText(revision, digest));
    try {
      await this.#hooks.at?.('registry.before-batch');
      await batch.write({ sync: true });
      await this.#hooks.at?.('registry.after-batch');
      await writeDurably(markPath(this.#directory), markText(revision));
      await this.#hooks.at?.('registry.after-mark');
    } catch (cause) {
      // What is on disk is unknown now, and LevelDB goes on acknowledging after a failed write: open it anew.
      this.#failure = new DrcError(
        'DATA_FOLDER',
        `Writing the registry in ${this.#directory} failed; it was closed.`,
        { reason: 'write' },
        { cause },
      );
      void this.close();
      throw this.#failure;
    }
    this.#revision = revision;
    this.#digest = digest;
    for (const [name, entry] of next) {
      if (entry === undefined) this.#entries.delete(name);
      else this.#entries.set(name, entry);
    }
    return isMade;
  }
}

/** A change that was asked for, and who waits for it. */
interface WaitingChange {
  readonly name: string;
  readonly expected: Expected;
  /** Undefined: the record is removed. */
  readonly value: unknown;
  readonly resolve: (isMade: boolean) => void;
  readonly reject: (error: unknown) => void;
}

interface Content {
  readonly entries: Map<string, Entry>;
  readonly digest: Buffer;
  readonly revision: number;
}

async function readContent(level: Level<string, string>, directory: string, mark: number): Promise<Content> {
  const corrupt = (what: string, cause?: unknown): DrcError =>
    new DrcError('REGISTRY_CORRUPT', `The registry in ${directory} ${what}.`, { directory }, { cause });
  const entries = new Map<string, Entry>();
  let digest = emptyDigest;
  let meta: string | undefined;
  try {
    await level.open();
    for await (const [name, text] of level.iterator()) {
      if (name === metaKey) {
        meta = text;
        continue;
      }
      const entry = parseEntry(name, text);
      entries.set(name, entry);
      digest = xor(digest, entry.sum);
    }
  } catch (cause) {
    if (causeCodes(cause).includes('LEVEL_LOCKED')) {
      throw new DrcError('DATA_FOLDER', `The folder is in use by another process (${directory}).`, {
        reason: 'locked',
      });
    }
    throw corrupt('cannot be read', cause);
  }
  if (meta === undefined) throw corrupt('has lost its records');
  const parsed = /^\{"revision":(\d+),"digest":"([0-9a-f]{64})"\}$/.exec(meta);
  if (parsed === null) throw corrupt('has a damaged head record');
  const revision = Number(parsed[1]);
  if (revision < mark)
    throw corrupt(`is at revision ${revision}, but was at ${mark}: the newest changes are lost`);
  if (digest.toString('hex') !== parsed[2]) throw corrupt('has lost or changed records');
  return { entries, digest, revision };
}

/** The revision of the mark; undefined where there is none. */
async function readMark(directory: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(markPath(directory), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DrcError('DATA_FOLDER', `${directory} cannot be read.`, { directory }, { cause });
  }
  const match = /^\{"format":(\d+),"revision":(\d+)\}\n$/.exec(text);
  if (match === null) {
    throw new DrcError('REGISTRY_CORRUPT', `${markPath(directory)} is damaged.`, { directory });
  }
  if (Number(match[1]) > format) {
    throw new DrcError('DATA_FOLDER', `${directory} was written by a newer version of DRC.`, {
      reason: 'format',
    });
  }
  return Number(match[2]);
}

function causeCodes(error: unknown): string[] {
  const codes: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    codes.push(String((at as NodeJS.ErrnoException).code));
  return codes;
}

const levelPath = (directory: string): string => join(directory, 'registry');
const markPath = (directory: string): string => join(directory, 'registry.mark');
const lockPath = (directory: string): string => join(directory, 'manager.lock');
const markText = (revision: number): string => `{"format":${format},"revision":${revision}}\n`;
const metaText = (revision: number, digest: Buffer): string =>
  `{"revision":${revision},"digest":"${digest.toString('hex')}"}`;
