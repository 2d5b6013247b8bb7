import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Head } from './head.js';
import type { LogBounds } from './log-bounds.js';
import type { LogEnd } from './log-end.js';
import type { LogFolder } from './log-folder.js';
import { defaultRetentionMs, defaultSyncIntervalMs, type LogOptions } from './log-options.js';
import type { LogReader } from './log-reader.js';
import { LogSize } from './log-size.js';
import { LogSync } from './log-sync.js';
import { passIntervalMs, RetentionClock } from './retention.js';
import type { LogSeek } from './seek.js';
import { Trimmer, type TrimReason } from './trimmer.js';
import { Turn } from './turn.js';

/** How long between two passes by size: a busy source writes a twentieth of a log of gigabytes in seconds. */
const sizePassMs = 1000;

export interface LogKeeperParts {
  readonly folder: LogFolder;
  readonly bounds: LogBounds;
  readonly head: Head;
  readonly end: LogEnd;
  readonly reader: LogReader;
  readonly seek: LogSeek;
  /** That of the log's writes. */
  readonly turn: Turn;
  /** Called when more has become durable. */
  readonly markMoved: (lsn: number) => void;
}

/** What a log does by itself: makes durable what was written, and gives up what is too old or too much. */
export class LogKeeper {
  readonly #end: LogEnd;
  readonly #logger: Logger;
  readonly #size: LogSize;
  readonly #sync: LogSync;
  readonly #trimmer: Trimmer;
  readonly #trimTurn = new Turn();
  readonly #timers: readonly Promise<void>[];

  constructor(options: LogOptions, parts: LogKeeperParts) {
    const { folder, bounds, head, end, reader, seek, turn, markMoved } = parts;
    const { db, mark, markPath, point, catalog, prepared } = folder;
    const { clock, logger, retentionBytes, neededFrom, hooks = {} } = options;
    const { retentionMs = defaultRetentionMs, syncIntervalMs = defaultSyncIntervalMs } = options;
    this.#end = end;
    this.#logger = logger;
    const headLsn = (): number => head.value.lsn;
    this.#sync = new LogSync({ db, markPath, hooks, headLsn, moved: markMoved }, mark);
    this.#size = new LogSize(db);
    this.#trimmer = new Trimmer({
      db,
      size: this.#size,
      retentionBytes,
      neededFrom,
      catalog,
      oldestPrepared: () => prepared.oldestLsn,
      retentionMs,
      hooks,
      turn,
      clock: new RetentionClock(clock, point.time),
      ends: () => ({ tail: bounds.tail, headLsn: head.value.lsn, headTime: head.value.time }),
      firstAtOrAfter: (time) => seek.firstAtOrAfter(time),
      executedBefore: (lsn) => seek.executedBefore(lsn),
      logTimeOf: async (lsn) => (await reader.firstChunk(lsn)).logTime,
      sync: () => this.#sync.everything(),
      moved: (tail, oldestTime) => bounds.tailMoved(tail, oldestTime),
      deleted: (tail) => bounds.tailMoved(tail),
    });
    const passes: [ms: number, reasons: readonly TrimReason[]][] = [
      [passIntervalMs(retentionMs), ['age', 'size']],
      ...(retentionBytes === undefined ? [] : [[sizePassMs, ['size']] satisfies [number, TrimReason[]]]),
    ];
    this.#timers = [
      this.#every(syncIntervalMs, () => end.writing(() => this.#sync.upToHead())),
      ...passes.map(([ms, reasons]) =>
        this.#every(ms, async () => {
          await this.trim(reasons);
        }),
      ),
    ];
  }

  /** As it was last measured, bytes; undefined before that. */
  get bytes(): number | undefined {
    return this.#size.bytes;
  }

  /** One retention pass. @returns how many transactions it took out of the log. */
  async trim(reasons: readonly TrimReason[]): Promise<number> {
    this.#end.assertOpen();
    // Damage that a reader would meet too is no failed write: the rest of the log stays readable.
    return await this.#trimTurn.take(() =>
      this.#end.writing(() => this.#trimmer.pass(this.#end.signal, reasons)),
    );
  }

  /** A file that could not be synced once must not be believed the next time. */
  async syncEverything(): Promise<void> {
    await this.#end.writing(() => this.#sync.everything());
  }

  /** Nothing to do where the head is durable already. */
  async syncUpToHead(): Promise<void> {
    await this.#sync.upToHead();
  }

  /** Resolves when it does nothing any more, once the log has ended. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#timers, this.#trimTurn.idle()]);
  }

  async #every(intervalMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        await pause(intervalMs, undefined, { signal, ref: false });
      } catch {
        return;
      }
      try {
        await work();
      } catch (error) {
        if (!signal.aborted) this.#logger.error({ err: error }, 'keeping the log failed');
      }
    }
  }
}
