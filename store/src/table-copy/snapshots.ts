import { DrcError } from '@drc/protocol';
import type { BytePace } from '../byte-pace.js';
import type { SnapshotSource, SnapshotTable, TableReader } from '../snapshot/snapshot-chunk.js';

/** One reader's turn at the source, until it is disposed of. */
export interface SnapshotPlace extends Disposable {
  /** The captured tables that the source has, as `schema.table`, in the order of their names. @throws as `SnapshotSource.tables` */
  tables(signal: AbortSignal): Promise<readonly string[]>;
  /** @throws as `SnapshotSource.open` */
  open(table: string, signal: AbortSignal): Promise<TableReader>;
  /** Waits where so many bytes of rows come too early. @throws the signal's reason */
  took(bytes: number, signal: AbortSignal): Promise<void>;
}

export interface SnapshotsOptions {
  readonly source: SnapshotSource;
  /** Of all readers together. */
  readonly pace: BytePace;
  /** Readers that may copy at the same time; others wait for their turn. */
  readonly maxReaders: number;
}

/** Copies of tables for readers: how many at a time, and how fast, so that the source is not overrun. */
export class Snapshots implements AsyncDisposable {
  readonly #options: SnapshotsOptions;
  readonly #queue: (() => void)[] = [];
  #active = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Readers that copy, and that wait for their turn. */
  get readers(): { readonly active: number; readonly waiting: number } {
    return { active: this.#active, waiting: this.#queue.length };
  }

  /** Resolves when it is this reader's turn. @throws the signal's reason */
  async place(signal: AbortSignal): Promise<SnapshotPlace> {
    signal.throwIfAborted();
    if (this.#active < this.#options.maxReaders) this.#active += 1;
    else await this.#turn(signal);
    const { source, pace } = this.#options;
    let isHeld = true;
    return {
      tables: async (reading) =>
        (await source.tables(reading)).map(({ schema, table }) => `${schema}.${table}`),
      open: (table, reading) => source.open(named(table), reading),
      took: (bytes, reading) => pace.took(bytes, reading),
      [Symbol.dispose]: () => {
        if (isHeld) this.#release();
        isHeld = false;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.source[Symbol.asyncDispose]();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        const at = this.#queue.indexOf(begin);
        if (at >= 0) this.#queue.splice(at, 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.push(begin);
    });
  }

  /** The place goes to who waits longest. */
  #release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#active -= 1;
    else next();
  }
}

/** The first dot ends the schema: one with a dot in its name cannot be told from `schema.table`. */
function named(name: string): SnapshotTable {
  const dot = name.indexOf('.');
  if (dot < 1) throw new DrcError('TABLE_UNKNOWN', `There is no table ${name}.`, { table: name });
  return { schema: name.slice(0, dot), table: name.slice(dot + 1) };
}
