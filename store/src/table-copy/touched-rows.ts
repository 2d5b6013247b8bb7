import {
  decodeDdl,
  parseRowsHeader,
  PartFlag,
  PartKind,
  partsOf,
  type PartSlice,
  type TableVersion,
  type TransactionSet,
  valueBytes,
} from '@drc/protocol';
import { ImageKey } from '../snapshot/image-key.js';

/** What of a chunk in the log tells which rows it changed. */
export interface PassedChunk {
  readonly id: string;
  readonly bytes: Buffer;
  readonly partsAt: number;
  /** Whether its transaction ends with it. */
  readonly last: boolean;
}

/** Finds the table version of a part of rows. */
export type FindTable = (bytes: Buffer, part: PartSlice) => TableVersion | 'unwanted' | 'unknown';

/** What one transaction did to the table. */
interface Touch {
  readonly id: string;
  readonly keys: string[];
  /** Whether the reader gets it; one that it left out by origin it does not. */
  readonly isSent: boolean;
  /** Whether it may have changed rows, or the table, in a way that their keys do not tell. */
  isUnknown: boolean;
}

/** Bytes of keys that are remembered at most: beyond it the table is looked at anew. */
const maxBytes = 32 * 1024 * 1024;
/** What a key costs beside its letters. */
const keyCost = 64;

/**
 * Which rows of a table the reader has got as changes, by the transactions that may not be in the next chunk of its copy. A row that is
 * among them is left out of that chunk: what the stream brought is at least as new.
 */
export class TouchedRows {
  readonly #table: string;
  /** Statements name tables as they were typed, which some servers take in any case. */
  readonly #lowerCase: string;
  readonly #keyColumns: readonly string[];
  readonly #touches: Touch[] = [];
  #bytes = 0;
  /** What the reader had when this began. A chunk from a moment that lacks any of it cannot be judged. */
  #since: TransactionSet;
  readonly #keys = new Map<TableVersion, ImageKey | undefined>();

  /**
   * @param since what the reader has got: a copy is taken
   * @param open the transaction in whose middle the stream is: what has passed of it nobody knows
   */
  constructor(table: string, keyColumns: readonly string[], since: TransactionSet, open?: string) {
    this.#table = table;
    this.#lowerCase = table.toLowerCase();
    this.#keyColumns = keyColumns;
    this.#since = since.clone();
    if (open !== undefined) this.#touch(open, true).isUnknown = true;
  }

  /** The stream passes a chunk of the log. @param isSent whether the reader gets what it wants of it */
  pass({ id, bytes, partsAt }: PassedChunk, tableOf: FindTable, isSent = true): void {
    for (const part of partsOf(bytes, partsAt)) {
      if (part.kind === PartKind.ddl) {
        const { tables } = decodeDdl(bytes.subarray(part.bodyAt, part.end));
        if (tables.length === 0 || tables.some((name) => name.toLowerCase() === this.#lowerCase))
          this.#touch(id, isSent).isUnknown = true;
      } else if (part.kind === PartKind.gap) this.#touch(id, isSent).isUnknown = true;
      else if (part.kind !== PartKind.sequence) {
        const version = tableOf(bytes, part);
        if (version === 'unknown') this.#touch(id, isSent).isUnknown = true;
        else if (version !== 'unwanted' && `${version.schema}.${version.table}` === this.#table)
          this.#passRows(this.#touch(id, isSent), bytes, part, version);
      }
    }
  }

  /**
   * The keys that a chunk of this moment, with these rows, must not have; `unknown` where nobody can tell which of its rows are the newest, `early` where it is
   * from before this began to look. A row that was changed by what the reader does not get must neither be left out nor be sent as it was before.
   */
  since(low: TransactionSet, rows: readonly string[]): ReadonlySet<string> | 'unknown' | 'early' {
    if (!this.#since.isSubsetOf(low)) return 'early';
    const keys = new Set<string>();
    const unsent = new Set<string>();
    for (const touch of this.#touches) {
      if (low.covers(touch.id)) continue;
      if (touch.isUnknown) return 'unknown';
      for (const key of touch.keys) (touch.isSent ? keys : unsent).add(key);
    }
    return unsent.size > 0 && rows.some((row) => unsent.has(row)) ? 'unknown' : keys;
  }

  /** Moments only move on: what this one has, later ones have too. */
  forget(low: TransactionSet): void {
    let count = 0;
    while (count < this.#touches.length && low.covers(this.#touches[count]!.id)) count += 1;
    for (const touch of this.#touches.splice(0, count))
      for (const key of touch.keys) this.#bytes -= key.length + keyCost;
    if (count > 0) this.#since = low.clone();
  }

  /** Whether more was touched than can be remembered: it has to begin anew. */
  get isFull(): boolean {
    return this.#bytes > maxBytes;
  }

  #passRows(touch: Touch, bytes: Buffer, part: PartSlice, version: TableVersion): void {
    const key = this.#keyOf(version);
    if (key === undefined || (part.flags & PartFlag.partial) !== 0) {
      touch.isUnknown = true;
      return;
    }
    const columns = version.columns.length;
    for (let at = parseRowsHeader(bytes, part, columns).imagesAt; at < part.end; ) {
      const text = key.of(bytes, at, part.end);
      touch.keys.push(text);
      this.#bytes += text.length + keyCost;
      at += 1;
      for (let column = 0; column < columns; column += 1) at += valueBytes(bytes, at);
    }
  }

  /** Of its columns' names; undefined where the version lacks one of them. */
  #keyOf(version: TableVersion): ImageKey | undefined {
    if (!this.#keys.has(version)) {
      const places = this.#keyColumns.map((name) =>
        version.columns.findIndex((column) => column.name === name),
      );
      this.#keys.set(version, places.includes(-1) ? undefined : new ImageKey(places));
    }
    return this.#keys.get(version);
  }

  #touch(id: string, isSent: boolean): Touch {
    const last = this.#touches.at(-1);
    if (last?.id === id) return last;
    const touch: Touch = { id, keys: [], isSent, isUnknown: false };
    this.#touches.push(touch);
    return touch;
  }
}
