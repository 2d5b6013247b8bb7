import { DrcError } from '@drc/protocol';
import { abortable } from '../source/source-control.js';
import type { SourceOptions } from '../source/source-options.js';
import type { TableFilter } from '../source/table-filter.js';
import { describeTable } from './described-table.js';
import { KeysetReader } from './keyset-reader.js';
import type { SnapshotSource, SnapshotTable, TableReader } from './snapshot-chunk.js';
import { beginMoment, checkMoments, endMoment, type SnapshotMoment } from './snapshot-moment.js';
import { SnapshotSession } from './snapshot-session.js';

export interface DatabaseSnapshotsOptions {
  /** The server that is captured from at the moment: asked for each connection. */
  readonly source: () => SourceOptions;
  readonly filter: TableFilter;
  /**
   * How long one moment serves at most, ms: further chunks are read at it for ten times as long as it took to find out its place in
   * the stream. While it is open MariaDB lets nobody alter the tables that were read. Default 2,000
   */
  readonly momentMs?: number;
}

/** Chunks are read at one moment for so many times as long as it took to begin. */
const worth = 10;

interface OpenMoment extends SnapshotMoment {
  /** By `performance.now()`. */
  readonly until: number;
}

/**
 * Snapshots of a database, by one connection for all tables: made when it is needed, and again after it was lost. What is asked for
 * side by side is done one after the other.
 */
export class DatabaseSnapshots implements SnapshotSource {
  readonly #options: DatabaseSnapshotsOptions;
  readonly #closed = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #session: SnapshotSession | undefined = undefined;
  #moment: OpenMoment | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(options: DatabaseSnapshotsOptions) {
    this.#options = options;
  }

  async open(table: SnapshotTable, signal: AbortSignal): Promise<TableReader> {
    const described = await this.#inTurn(signal, async (session, both) => {
      await this.#endMoment(session, both);
      await checkMoments(session, both);
      return await describeTable(session, table, this.#options.filter, both);
    });
    return new KeysetReader(
      described,
      async (reading, read) =>
        await this.#inTurn(reading, async (session, both) => {
          const moment = await this.#momentOf(session, both);
          try {
            return await read(session, moment);
          } catch (error) {
            if (!session.isLost) await this.#endMoment(session, both);
            throw error;
          }
        }),
    );
  }

  async tables(signal: AbortSignal): Promise<readonly SnapshotTable[]> {
    const { filter } = this.#options;
    return await this.#inTurn(signal, async (session, both) => {
      const rows = await session.rows(
        'SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES ' +
          "WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY CAST(TABLE_SCHEMA AS BINARY), CAST(TABLE_NAME AS BINARY)",
        [],
        both,
      );
      return rows
        .map(({ s, t }) => ({ schema: String(s), table: String(t) }))
        .filter(({ schema, table }) => filter.captures(schema, table));
    });
  }

  /** Ends what is being read, with `CLOSED`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new DrcError('CLOSED', 'The snapshot source is closed.'));
    clearTimeout(this.#timer);
    await this.#last.catch(() => undefined);
    await this.#session?.[Symbol.asyncDispose]();
    this.#session = undefined;
  }

  /** One at a time, each with a session that is whole. */
  async #inTurn<T>(
    signal: AbortSignal,
    act: (session: SnapshotSession, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const both = AbortSignal.any([signal, this.#closed.signal]);
    const turn = this.#last.then(async () => {
      both.throwIfAborted();
      return await act(await this.#sessionOf(both), both);
    });
    this.#last = turn.catch(() => undefined);
    return await abortable(turn, both);
  }

  async #sessionOf(signal: AbortSignal): Promise<SnapshotSession> {
    if (this.#session?.isLost === true) {
      const lost = this.#session;
      this.#session = undefined;
      this.#forgetMoment();
      await lost[Symbol.asyncDispose]();
    }
    this.#session ??= await SnapshotSession.open(this.#options.source(), signal);
    return this.#session;
  }

  async #momentOf(session: SnapshotSession, signal: AbortSignal): Promise<SnapshotMoment> {
    if (this.#moment !== undefined && performance.now() < this.#moment.until) return this.#moment;
    await this.#endMoment(session, signal);
    const began = performance.now();
    const moment = await this.#begin(session, signal);
    const servesMs = Math.min((performance.now() - began) * worth, this.#options.momentMs ?? 2_000);
    this.#moment = { ...moment, until: performance.now() + servesMs };
    // Also where nobody reads on.
    this.#timer = setTimeout(() => {
      this.#end(moment).catch(() => undefined);
    }, servesMs);
    this.#timer.unref();
    return this.#moment;
  }

  async #begin(session: SnapshotSession, signal: AbortSignal): Promise<SnapshotMoment> {
    try {
      return await beginMoment(session, signal);
    } catch (error) {
      // Its transaction may be open, and nobody would end it.
      if (!session.isLost) await this.#endMoment(session, signal);
      throw error;
    }
  }

  async #end(moment: SnapshotMoment): Promise<void> {
    if (this.#moment?.high !== moment.high || this.#session?.isLost !== false) return;
    const { signal } = this.#closed;
    await this.#inTurn(signal, async (session) => {
      if (this.#moment?.high === moment.high) await this.#endMoment(session, signal);
    });
  }

  async #endMoment(session: SnapshotSession, signal: AbortSignal): Promise<void> {
    this.#forgetMoment();
    await endMoment(session, signal);
  }

  #forgetMoment(): void {
    clearTimeout(this.#timer);
    this.#moment = undefined;
  }
}
