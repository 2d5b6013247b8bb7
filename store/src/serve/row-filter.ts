import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  compileCondition,
  DrcError,
  imageMarker,
  parseRowsHeader,
  PartKind,
  type PartKindCode,
  type PartSlice,
  readValue,
  schemaIdOf,
  type TableVersion,
  type Value,
  valueBytes,
} from '@drc/protocol';
import { PartsBuilder, type BuiltParts } from './parts-builder.js';

/** Of a table, what one reader is to have. */
export interface RowWish {
  /** Conditions in SQL (docs/expressions.md), all of which hold for the rows delivered. */
  readonly where: readonly string[];
  /** Of these at least one has to hold too; empty: none has to. */
  readonly anyOf?: readonly string[];
  /** Columns delivered; undefined: all. */
  readonly columns?: ((name: string) => boolean) | undefined;
  /** Rows are divided by key among `of` readers; this one has the share `index`, from 0. */
  readonly partition?: { readonly of: number; readonly index: number } | undefined;
  /** Columns delivered as HMAC-SHA-256 of their value's text or bytes, in hex; NULL stays NULL. */
  readonly hash?: { readonly of: (name: string) => boolean; readonly key: Buffer };
}

/**
 * What one table version is to one reader: which rows, and which of their columns. Compiled once; only the columns that a
 * condition needs are decoded, everything else is copied as it stands. An update that carries a row across the condition
 * is an insert or a delete.
 */
export class RowFilter {
  /** The table as the reader sees it. */
  readonly version: TableVersion;
  readonly schemaId: Buffer;
  readonly #source: TableVersion;
  /** Of the source's columns, whether it is delivered; undefined: all are. */
  readonly #kept: readonly boolean[] | undefined;
  /** Of the source's columns, whether it is hashed; undefined: none is. */
  readonly #hashed: readonly boolean[] | undefined;
  readonly #hashKey: Buffer | undefined;
  readonly #holds: (image: Image) => boolean;

  /** @throws DrcError `CONDITION_INVALID` for a condition that this table version cannot be asked */
  constructor(version: TableVersion, { where, anyOf = [], columns, partition, hash }: RowWish) {
    this.#source = version;
    const kept = columns === undefined ? undefined : version.columns.map(({ name }) => columns(name));
    this.#kept = kept?.includes(false) === true ? kept : undefined;
    const hashed = hash && version.columns.map(({ name }) => hash.of(name));
    this.#hashed = hashed?.includes(true) === true ? hashed : undefined;
    this.#hashKey = hash?.key;
    const seen = this.#hashed === undefined ? version : withHashes(version, this.#hashed);
    this.version = this.#kept === undefined ? seen : projected(seen, this.#kept);
    this.schemaId = schemaIdOf(this.version);
    const conditions = where.map((text) => compileCondition(text, version));
    const alternatives = anyOf.map((text) => compileCondition(text, version));
    const needed = [...new Set([...conditions, ...alternatives].flatMap((condition) => condition.columns))];
    const share = partition === undefined ? undefined : shareOf(version, partition.of);
    this.#holds = (image) => {
      if (share !== undefined && share(image) !== partition!.index) return false;
      if (conditions.length === 0 && alternatives.length === 0) return true;
      const values = valuesOf(image, needed, version);
      // Each is asked: what cannot be told of one must not depend on the others' order.
      const isGranted =
        alternatives.length === 0 ||
        alternatives.reduce((any, condition) => condition.holds(values) || any, false);
      // A row that it may not have is not shown to the reader's own condition, whose errors would tell of it.
      return isGranted && conditions.every((condition) => condition.holds(values));
    };
  }

  /**
   * What is left of a part of this table version.
   * @param wants whether the reader is to have parts of this kind
   * @throws DrcError `CONDITION_FAILED` where it cannot be told whether the reader may have a row
   */
  filter(bytes: Buffer, part: PartSlice, wants: (kind: PartKindCode) => boolean): BuiltParts {
    const columns = this.#source.columns.length;
    const header = parseRowsHeader(bytes, part, columns);
    const out = new PartsBuilder(part.flags, this.schemaId, {
      before: this.#bitmap(header.before),
      after: this.#bitmap(header.after),
    });
    const hasBefore = part.kind === PartKind.update || part.kind === PartKind.delete;
    const hasAfter = part.kind !== PartKind.delete;
    let at = header.imagesAt;
    for (let row = 0; row < header.rows; row += 1) {
      const before = hasBefore ? scanImage(bytes, at, part.end, columns, header.before) : undefined;
      if (before !== undefined) at = before.end;
      const after = hasAfter ? scanImage(bytes, at, part.end, columns, header.after) : undefined;
      if (after !== undefined) at = after.end;
      const was = before !== undefined && this.#holds(before);
      const is = after !== undefined && this.#holds(after);
      if (!was && !is) continue;
      const kind = part.kind !== PartKind.update ? part.kind : kindOf(was, is);
      if (!wants(kind)) continue;
      const images = [was ? before : undefined, is ? after : undefined];
      out.add(
        kind,
        images.flatMap((image) => (image === undefined ? [] : this.#pieces(image))),
      );
    }
    return out.take();
  }

  /** The image as the reader sees it. */
  #pieces(image: Image): Buffer[] {
    const { bytes, at, end, offsets } = image;
    const kept = this.#kept;
    const hashed = this.#hashed;
    if (kept === undefined && hashed === undefined) return [bytes.subarray(at, end)];
    const pieces = [bytes.subarray(at, at + 1)];
    for (let column = 0; column < offsets.length; column += 1) {
      const from = offsets[column]!;
      if (from < 0 || kept?.[column] === false) continue;
      if (hashed?.[column] === true) pieces.push(this.#hashOf(image, column));
      else pieces.push(bytes.subarray(from, from + valueBytes(bytes, from)));
    }
    return pieces;
  }

  /** A value's hash as a msgpack str 8; NULL as it is. */
  #hashOf({ bytes, offsets }: Image, column: number): Buffer {
    const from = offsets[column]!;
    const value = readValue(bytes, from, this.#source.columns[column]!);
    if (value === null) return bytes.subarray(from, from + valueBytes(bytes, from));
    const digest = createHmac('sha256', this.#hashKey!).update(hashedBytes(value)).digest('hex');
    return Buffer.from(`\xd9\x40${digest}`, 'latin1');
  }

  /** The bitmap of columns present, over the columns delivered. */
  #bitmap(present: Buffer | undefined): Buffer | undefined {
    const kept = this.#kept;
    if (present === undefined || kept === undefined) return present;
    const bitmap = Buffer.alloc(Math.ceil(this.version.columns.length / 8));
    let place = 0;
    for (let column = 0; column < kept.length; column += 1) {
      if (!kept[column]!) continue;
      if (isPresent(present, column)) bitmap[place >> 3]! |= 1 << (place & 7);
      place += 1;
    }
    return bitmap;
  }
}

/** One row image, and where its values stand: -1 for a column that it does not have. */
interface Image {
  readonly bytes: Buffer;
  readonly at: number;
  readonly end: number;
  readonly offsets: Int32Array;
}

function scanImage(
  bytes: Buffer,
  at: number,
  end: number,
  columns: number,
  present: Buffer | undefined,
): Image {
  if (bytes[at] !== imageMarker) throw malformed();
  const offsets = new Int32Array(columns);
  let value = at + 1;
  for (let column = 0; column < columns; column += 1) {
    if (present !== undefined && !isPresent(present, column)) {
      offsets[column] = -1;
      continue;
    }
    offsets[column] = value;
    value += valueBytes(bytes, value);
  }
  if (!(value <= end)) throw malformed();
  return { bytes, at, end: value, offsets };
}

/** The values of these columns at their places, as expressions take them. */
function valuesOf({ bytes, offsets }: Image, columns: readonly number[], version: TableVersion): unknown[] {
  const values: unknown[] = [];
  for (const column of columns) {
    const from = offsets[column]!;
    values[column] = from < 0 ? undefined : readValue(bytes, from, version.columns[column]!);
  }
  return values;
}

/** The share of a row, by the bytes of its key; all rows of a table without a key are of one. */
function shareOf(version: TableVersion, of: number): (image: Image) => number {
  const key = version.primaryKey;
  const table = `${version.schema}.${version.table}`;
  if (key.length === 0) {
    const share = crc32(table) % of;
    return () => share;
  }
  return ({ bytes, offsets }) => {
    let sum = 0;
    for (const column of key) {
      const from = offsets[column]!;
      if (from < 0)
        throw new DrcError(
          'CONDITION_FAILED',
          `A row image of ${table} does not have the whole key, by which rows are divided (binlog_row_image is not FULL).`,
          { table },
        );
      sum = crc32(bytes.subarray(from, from + valueBytes(bytes, from)), sum);
    }
    return sum % of;
  };
}

function hashedBytes(value: Exclude<Value, null>): Buffer | string {
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Float32Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return String(value);
}

/** Collation 65: ascii_bin. */
const hashColumn = { type: 'text', length: 64, fixed: true, collation: 65 } as const;

const withHashes = (version: TableVersion, hashed: readonly boolean[]): TableVersion => ({
  ...version,
  columns: version.columns.map((column, place) =>
    hashed[place]! ? { name: column.name, nullable: column.nullable, ...hashColumn } : column,
  ),
});

function projected(version: TableVersion, kept: readonly boolean[]): TableVersion {
  const places = kept.map((_, column) => kept.slice(0, column).filter(Boolean).length);
  const hasKey = version.primaryKey.every((column) => kept[column]);
  return {
    ...version,
    columns: version.columns.filter((_, column) => kept[column]),
    // Without one of its columns a key identifies nothing.
    primaryKey: hasKey ? version.primaryKey.map((column) => places[column]!) : [],
  };
}

const kindOf = (was: boolean, is: boolean): PartKindCode =>
  was && is ? PartKind.update : is ? PartKind.insert : PartKind.delete;

const isPresent = (bitmap: Buffer, column: number): boolean =>
  ((bitmap[column >> 3]! >> (column & 7)) & 1) === 1;

const malformed = (): DrcError => new DrcError('LOG_CORRUPT', 'A row image of the log cannot be read.');
