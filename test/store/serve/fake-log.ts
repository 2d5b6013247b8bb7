import {
  Checkpoint,
  DrcError,
  encodeChunk,
  encodeDdl,
  encodeGap,
  parseChunkHeader,
  PartKind,
  partHeaderBytes,
  schemaIdOf,
  TransactionSet,
  type Ddl,
  type Gap,
  type LogExtent,
  type LogMoment,
  type PartKindCode,
  type StartFrom,
  type TableVersion,
} from '@drc/protocol';
import type { Burst, Cursor, ReadableLog, StoredChunk } from '../../../store/src/serve/readable-log.js';

export const tableVersion = (name: string, columns = 1): TableVersion => {
  const [schema = '', table = ''] = name.split('.');
  return {
    schema,
    table,
    columns: Array.from({ length: columns }, (_, index) => ({
      name: `c${index}`,
      type: 'int',
      nullable: true,
    })),
    primaryKey: [],
  };
};

/** A part with `rows` rows of some bytes; they are never decoded here. */
export function rowsPart(kind: PartKindCode, version: TableVersion, rows: number, images: Buffer): Buffer {
  const part = Buffer.alloc(partHeaderBytes + 20);
  part[0] = kind;
  part.writeUInt32LE(20 + images.length, 2);
  schemaIdOf(version).copy(part, partHeaderBytes);
  part.writeUInt32LE(rows, partHeaderBytes + 16);
  return Buffer.concat([part, images]);
}

export const insertInto = (version: TableVersion, text: string): Buffer =>
  rowsPart(PartKind.insert, version, 1, Buffer.from(text));

export function ddlPart(ddl: Ddl): Buffer {
  const body = encodeDdl(ddl);
  const part = Buffer.alloc(partHeaderBytes);
  part[0] = PartKind.ddl;
  part.writeUInt32LE(body.length, 2);
  return Buffer.concat([part, body]);
}

export function gapPart(gap: Gap): Buffer {
  const body = encodeGap(gap);
  const part = Buffer.alloc(partHeaderBytes);
  part[0] = PartKind.gap;
  part.writeUInt32LE(body.length, 2);
  return Buffer.concat([part, body]);
}

/** A transaction log in memory, with ids `0-1-<lsn>` unless told otherwise. */
export class FakeLog implements ReadableLog {
  readonly lineage = 'f'.repeat(32);
  readonly #transactions: StoredChunk[][] = [];
  readonly #tables = new Map<string, TableVersion>();
  readonly #waiters = new Set<() => void>();
  readonly #executed = new TransactionSet();
  #time = 1_700_000_000_000;
  reads = 0;
  /** The next read throws this. */
  fault: Error | undefined;
  tail = 1;

  register(...versions: readonly TableVersion[]): void {
    for (const version of versions) this.#tables.set(schemaIdOf(version).toString('hex'), version);
  }

  /** Appends one transaction; each item is the parts of one chunk. */
  append(chunks: readonly Buffer[], id = `0-1-${this.#transactions.length + 1}`): number {
    const lsn = this.#transactions.length + 1;
    const logTime = ++this.#time;
    const stored = chunks.map((parts, chunk) => {
      const last = chunk === chunks.length - 1;
      const header = {
        lsn,
        chunk,
        last,
        logTime,
        commitTime: logTime * 1000,
        id,
        origin: '',
      };
      const bytes = encodeChunk(header, parts);
      return { ...parseChunkHeader(bytes), bytes };
    });
    this.#transactions.push(stored);
    this.#executed.add(id);
    for (const wake of this.#waiters) wake();
    return lsn;
  }

  readonly head = {
    owner: this,
    get value(): LogMoment {
      return { lsn: this.owner.#transactions.length, time: this.owner.#time };
    },
    async after(lsn: number, signal: AbortSignal): Promise<LogMoment> {
      while (this.value.lsn <= lsn) {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const wake = (): void => {
            this.owner.#waiters.delete(wake);
            signal.removeEventListener('abort', abort);
            resolve();
          };
          const abort = (): void => {
            this.owner.#waiters.delete(wake);
            reject(signal.reason as Error);
          };
          this.owner.#waiters.add(wake);
          signal.addEventListener('abort', abort, { once: true });
        });
      }
      return this.value;
    },
  };

  /** Readers waiting for the head. */
  get waiting(): number {
    return this.#waiters.size;
  }

  extent(): LogExtent {
    return {
      lineage: this.lineage,
      head: this.head.value,
      oldest: { lsn: 1, time: 1_700_000_000_000 },
      coversFrom: 0,
      setBeforeOldest: '',
    };
  }

  executedBefore(lsn: number): Promise<TransactionSet> {
    const set = new TransactionSet();
    for (const [first] of this.#transactions.slice(0, lsn - 1)) set.add(first!.id);
    return Promise.resolve(set);
  }

  async seek(from: StartFrom): Promise<{ lsn: number; set: TransactionSet }> {
    const lsn = this.#seekLsn(from);
    return { lsn, set: await this.executedBefore(lsn) };
  }

  #seekLsn(from: StartFrom): number {
    if (from.kind === 'earliest') return 1;
    const end = this.#transactions.length + 1;
    if (from.kind === 'latest') return end;
    const index = this.#transactions.findIndex(([first]) =>
      from.kind === 'timestamp'
        ? first!.logTime >= from.time
        : from.kind === 'transaction'
          ? first!.id === from.id
          : !Checkpoint.parse(from.checkpoint).covers(first!.id),
    );
    return index < 0 ? end : index + 1;
  }

  async read(cursor: Cursor, limits: { maxBytes: number; signal: AbortSignal }): Promise<Burst> {
    this.reads++;
    await Promise.resolve();
    limits.signal.throwIfAborted();
    if (this.fault !== undefined) throw this.fault;
    if (cursor.lsn < this.tail) throw new DrcError('RETENTION_EXPIRED', 'Gone.', { oldest: 'then' });
    const chunks: StoredChunk[] = [];
    let { lsn, chunk } = cursor;
    for (let bytes = 0; bytes < limits.maxBytes && lsn <= this.#transactions.length; ) {
      const stored = this.#transactions[lsn - 1]![chunk]!;
      chunks.push(stored);
      bytes += stored.bytes.length;
      if (stored.last) [lsn, chunk] = [lsn + 1, 0];
      else chunk++;
    }
    return { chunks, next: { lsn, chunk } };
  }

  table(id: Buffer): Promise<TableVersion> {
    const version = this.#tables.get(id.toString('hex'));
    return version === undefined
      ? Promise.reject(new DrcError('LOG_CORRUPT', 'A table version is missing.'))
      : Promise.resolve(version);
  }

  /** All bytes of the chunks, for comparing. */
  chunksOf(lsn: number): readonly StoredChunk[] {
    return this.#transactions[lsn - 1]!;
  }
}
