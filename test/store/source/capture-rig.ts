import { setTimeout as sleep } from 'node:timers/promises';
import { decodeDdl, ImageDecoder, PartFlag, PartKind, partsOf, type Ddl, type Row } from '@drc/protocol';
import pino from 'pino';
import { expect } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { TransactionLog, type StoredChunk } from '../../../store/src/log/transaction-log.js';
import { Capture, type CaptureOptions } from '../../../store/src/source/capture.js';
import { TableFilter, type TableFilterOptions } from '../../../store/src/source/table-filter.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

/** One change as the log holds it. */
export type StoredChange =
  | { readonly kind: 'insert' | 'sequence'; readonly table: string; readonly after: Row }
  | { readonly kind: 'update'; readonly table: string; readonly before: Row; readonly after: Row }
  | { readonly kind: 'delete'; readonly table: string; readonly before: Row }
  | { readonly kind: 'ddl'; readonly ddl: Ddl };

export interface StoredTransaction {
  readonly id: string;
  readonly lsn: number;
  readonly chunks: number;
  readonly changes: readonly StoredChange[];
}

export type RigOptions = Partial<Omit<CaptureOptions, 'log' | 'source' | 'filter'>> & {
  readonly filter?: TableFilterOptions;
  readonly source: CaptureOptions['source'];
  readonly folder?: TemporaryFolder;
};

const deadlineMs = 30_000;

/** The code of the error that stops capture, within the deadline. */
export async function stopCode(rig: CaptureRig): Promise<string | undefined> {
  const late = sleep(deadlineMs, undefined, { ref: false }).then(() => {
    throw new Error(`Not stopped in time; capture is ${JSON.stringify(rig.capture.state)}`);
  });
  return (await Promise.race([rig.capture.ended, late]))?.code;
}

/** Read = stored + left out, for each event type and each table, while no transaction is open. */
export function expectConserved(rig: CaptureRig): void {
  const { events, tables } = rig.capture.counters.snapshot();
  for (const [name, { read, stored, leftOut }] of Object.entries({ ...events, ...tables })) {
    const left = Object.values(leftOut).reduce((sum, count) => sum + count, 0);
    expect([name, stored + left]).toEqual([name, read]);
  }
}

/** A capture into a real log in a folder of its own. */
export class CaptureRig implements AsyncDisposable {
  readonly log: TransactionLog;
  readonly capture: Capture;
  readonly #folder: TemporaryFolder;
  readonly #ownsFolder: boolean;

  private constructor(log: TransactionLog, capture: Capture, folder: TemporaryFolder, ownsFolder: boolean) {
    this.log = log;
    this.capture = capture;
    this.#folder = folder;
    this.#ownsFolder = ownsFolder;
  }

  static async start(options: RigOptions): Promise<CaptureRig> {
    const { filter, folder: given, ...rest } = options;
    const folder = given ?? (await temporaryFolder('capture'));
    const logger = pino({ level: 'silent' });
    const log = await TransactionLog.open({
      directory: folder.file('log'),
      topic: 'shop',
      clock: rest.clock ?? systemClock,
      logger,
      diskReserveBytes: 0,
    });
    const capture = new Capture({
      clock: systemClock,
      logger,
      random: () => 0.1,
      ...rest,
      log,
      filter: new TableFilter(filter),
    });
    return new CaptureRig(log, capture, folder, given === undefined);
  }

  /** Waits until the source's transaction with this id can be read from the log. */
  async reaches(id: string): Promise<void> {
    await this.until(() => this.log.capture.position !== undefined && this.log.capture.executed.covers(id));
    await this.log.flush();
  }

  /** Waits for a condition; capture that stops meanwhile is an error. */
  async until(condition: () => boolean, withinMs = deadlineMs): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!condition()) {
      const { state } = this.capture;
      if (state.kind === 'stopped') throw state.error ?? new Error('Capture was closed.');
      if (Date.now() > deadline) throw new Error(`Not in time; capture is ${JSON.stringify(state)}`);
      await sleep(5);
    }
  }

  /** All transactions in the log, decoded; the position in the log must have no holes. */
  async transactions(from = 1): Promise<StoredTransaction[]> {
    const found: StoredTransaction[] = [];
    let cursor = { lsn: from, chunk: 0 };
    for (;;) {
      const { chunks, next } = await this.log.read(cursor, {
        maxBytes: 1024 * 1024,
        signal: new AbortController().signal,
      });
      if (chunks.length === 0) return found;
      for (const chunk of chunks) {
        const changes = await this.#changes(chunk);
        if (chunk.chunk === 0) found.push({ id: chunk.id, lsn: chunk.lsn, chunks: 1, changes });
        else {
          const open = found.at(-1)!;
          found[found.length - 1] = {
            ...open,
            chunks: open.chunks + 1,
            changes: [...open.changes, ...changes],
          };
        }
      }
      cursor = next;
    }
  }

  /** The changes of all transactions, one after the other. */
  async changes(): Promise<readonly StoredChange[]> {
    return (await this.transactions()).flatMap((transaction) => transaction.changes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.capture.close();
    await this.log.close();
    if (this.#ownsFolder) await this.#folder[Symbol.asyncDispose]();
  }

  async #changes(chunk: StoredChunk): Promise<StoredChange[]> {
    const changes: StoredChange[] = [];
    for (const part of partsOf(chunk.bytes, chunk.partsAt)) {
      if (part.kind === PartKind.ddl) {
        changes.push({ kind: 'ddl', ddl: decodeDdl(chunk.bytes.subarray(part.bodyAt, part.end)) });
        continue;
      }
      const version = await this.log.table(Buffer.from(chunk.bytes.subarray(part.bodyAt, part.bodyAt + 16)));
      const table = `${version.schema}.${version.table}`;
      const width = (part.flags & PartFlag.partial) === 0 ? 0 : Math.ceil(version.columns.length / 8);
      let at = part.bodyAt + 20;
      const bitmap = (): Buffer | undefined => {
        if (width === 0) return undefined;
        at += width;
        return chunk.bytes.subarray(at - width, at);
      };
      const before =
        part.kind === PartKind.update || part.kind === PartKind.delete
          ? new ImageDecoder(version, bitmap())
          : undefined;
      const after = part.kind === PartKind.delete ? undefined : new ImageDecoder(version, bitmap());
      while (at < part.end) {
        const row = (decoder: ImageDecoder): Row => {
          const { row: decoded, next } = decoder.decodeOne(chunk.bytes, at, part.end);
          at = next;
          return decoded;
        };
        if (before !== undefined && after !== undefined)
          changes.push({ kind: 'update', table, before: row(before), after: row(after) });
        else if (before !== undefined) changes.push({ kind: 'delete', table, before: row(before) });
        else
          changes.push({
            kind: part.kind === PartKind.sequence ? 'sequence' : 'insert',
            table,
            after: row(after!),
          });
      }
    }
    return changes;
  }
}
