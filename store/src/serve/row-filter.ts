import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  compileCondition,
  DrcError,
  parseRowsHeader,
  PartKind,
  type PartKindCode,
  type PartSlice,
  schemaIdOf,
  type TableVersion,
  type Value,
} from '@drc/protocol';
import { PartsBuilder, type BuiltParts } from './parts-builder.js';
import { isPresent, ScannedImage } from './scanned-image.js';

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
  /** What of an image goes out; undefined: all of it. */
  readonly #stretches: readonly Stretch[] | undefined;
  readonly #hashKey: Buffer | undefined;
  readonly #holds: (image: ScannedImage) => boolean;
  /** Of the row that is looked at. */
  readonly #before: ScannedImage;
  readonly #after: ScannedImage;

  /** @throws DrcError `CONDITION_INVALID` for a condition that this table version cannot be asked */
  constructor(version: TableVersion, { where, anyOf = [], columns, partition, hash }: RowWish) {
    this.#source = version;
    const kept = columns === undefined ? undefined : version.columns.map(({ name }) => columns(name));
    this.#kept = kept?.includes(false) === true ? kept : undefined;
    const hashes = hash && version.columns.map(({ name }) => hash.of(name));
    const hashed = hashes?.includes(true) === true ? hashes : undefined;
    this.#hashKey = hash?.key;
    const seen = hashed === undefined ? version : withHashes(version, hashed);
    this.#stretches =
      this.#kept === undefined && hashed === undefined
        ? undefined
        : stretchesOf(version.columns.length, this.#kept, hashed);
    this.#before = new ScannedImage(version.columns);
    this.#after = new ScannedImage(version.columns);
    this.version = this.#kept === undefined ? seen : projected(seen, this.#kept);
    this.schemaId = schemaIdOf(this.version);
    const conditions = where.map((text) => compileCondition(text, version));
    const alternatives = anyOf.map((text) => compileCondition(text, version));
    const needed = [...new Set([...conditions, ...alternatives].flatMap((condition) => condition.columns))];
    const share = partition === undefined ? undefined : shareOf(version, partition.of);
    this.#holds = (image) => {
      if (share !== undefined && share(image) !== partition!.index) return false;
      if (conditions.length === 0 && alternatives.length === 0) return true;
      const values = image.values(needed);
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
    const out = new PartsBuilder(
      part.flags,
      this.schemaId,
      {
        before: this.#bitmap(header.before),
        after: this.#bitmap(header.after),
      },
      guessOf(part),
    );
    const hasBefore = part.kind === PartKind.update || part.kind === PartKind.delete;
    const hasAfter = part.kind !== PartKind.delete;
    let at = header.imagesAt;
    for (let row = 0; row < header.rows; row += 1) {
      if (hasBefore) at = this.#before.scan(bytes, at, part.end, header.before);
      if (hasAfter) at = this.#after.scan(bytes, at, part.end, header.after);
      const was = hasBefore && this.#holds(this.#before);
      const is = hasAfter && this.#holds(this.#after);
      if (!was && !is) continue;
      const kind = part.kind !== PartKind.update ? part.kind : kindOf(was, is);
      if (!wants(kind)) continue;
      out.beginRow(kind);
      if (was) this.#put(this.#before, out);
      if (is) this.#put(this.#after, out);
    }
    return out.take();
  }

  /** The image as the reader sees it. */
  #put(image: ScannedImage, out: PartsBuilder): void {
    const { bytes, at, offsets } = image;
    const columns = offsets.length - 1;
    if (this.#stretches === undefined) return out.copy(bytes, at, offsets[columns]!);
    out.copy(bytes, at, at + 1);
    for (const { first, end, isHashed } of this.#stretches) {
      if (isHashed && image.has(first)) {
        const hash = this.#hashOf(image, first);
        out.copy(hash, 0, hash.length);
      } else {
        out.copy(bytes, offsets[first]!, offsets[end]!);
      }
    }
  }

  /** A value's hash as a msgpack str 8; NULL as it is. */
  #hashOf(image: ScannedImage, column: number): Buffer {
    const value = image.value(column);
    if (value === null) return image.bytesOf(column);
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

/** Columns `first` … `end`, which go out as they stand, or one that is hashed. */
interface Stretch {
  readonly first: number;
  readonly end: number;
  readonly isHashed: boolean;
}

function stretchesOf(
  columns: number,
  kept: readonly boolean[] | undefined,
  hashed: readonly boolean[] | undefined,
): readonly Stretch[] {
  const stretches: Stretch[] = [];
  for (let column = 0; column < columns; column += 1) {
    if (kept?.[column] === false) continue;
    const isHashed = hashed?.[column] === true;
    const last = stretches.at(-1);
    if (!isHashed && last?.isHashed === false && last.end === column)
      stretches[stretches.length - 1] = { ...last, end: column + 1 };
    else stretches.push({ first: column, end: column + 1, isHashed });
  }
  return stretches;
}

/** Most parts of which something is left keep most of it; little is lost where not. */
const guessOf = (part: PartSlice): number => Math.min(part.end - part.at + 64, 256 * 1024);

/** The share of a row, by the bytes of its key; all rows of a table without a key are of one. */
function shareOf(version: TableVersion, of: number): (image: ScannedImage) => number {
  const key = version.primaryKey;
  const table = `${version.schema}.${version.table}`;
  if (key.length === 0) {
    const share = crc32(table) % of;
    return () => share;
  }
  return (image) => {
    let sum = 0;
    for (const column of key) {
      if (!image.has(column))
        throw new DrcError(
          'CONDITION_FAILED',
          `A row image of ${table} does not have the whole key, by which rows are divided (binlog_row_image is not FULL).`,
          { table },
        );
      sum = crc32(image.bytesOf(column), sum);
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
