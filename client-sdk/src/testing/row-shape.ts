import { crc32 } from 'node:zlib';
import {
  compileCondition,
  DrcError,
  imageMarker,
  isDrcError,
  parseRowsHeader,
  PartFlag,
  partHeaderBytes,
  PartKind,
  readValue,
  schemaIdOf,
  valueBytes,
  type Condition,
  type Partition,
  type PartKindCode,
  type PartSlice,
  type TableVersion,
} from '@drc/protocol';

export interface RowShapeOptions {
  /** Conditions, all of which hold for the rows that are left. */
  readonly where: readonly string[];
  /** Lists of columns; those are left that stand in each of them. */
  readonly columns: readonly (readonly string[])[];
  readonly partition: Partition | undefined;
}

/** One row image: where its columns' values begin and end; those that it does not have are undefined. */
type Image = readonly ({ readonly at: number; readonly end: number } | undefined)[];

/**
 * What a reader that asked for conditions, columns or a partition gets of one table version: the same that a store sends it.
 * An update that carries a row across the condition is an insert or a delete.
 */
export class RowShape {
  /** The table as the reader sees it. */
  readonly version: TableVersion;
  readonly #id: Buffer;
  readonly #source: TableVersion;
  /** Indexes of the columns that are left. */
  readonly #kept: readonly number[];
  readonly #conditions: readonly Condition[];
  readonly #partition: Partition | undefined;

  /** @throws DrcError `CONDITION_INVALID` for a condition that this table cannot be asked, or a column that it has not */
  constructor(source: TableVersion, { where, columns, partition }: RowShapeOptions) {
    this.#source = source;
    for (const name of columns.flat()) mustHave(source, name);
    const lists = columns.map((names) => new Set(names.map(folded)));
    const isKept = (name: string): boolean => lists.every((list) => list.has(folded(name)));
    this.#kept = [...source.columns.keys()].filter((index) => isKept(source.columns[index]!.name));
    this.#conditions = where.map((text) => conditionOf(text, source));
    this.#partition = partition;
    this.version = projected(source, this.#kept);
    this.#id = schemaIdOf(this.version);
  }

  /**
   * What is left of a part of this table version: parts, in the order of its rows.
   * @throws DrcError `CONDITION_FAILED` where nobody can say whether a row may pass
   */
  select(bytes: Buffer, part: PartSlice, wants: (kind: PartKindCode) => boolean): Buffer[] {
    const head = parseRowsHeader(bytes, part, this.#source.columns.length);
    const hasBefore = part.kind === PartKind.update || part.kind === PartKind.delete;
    const hasAfter = part.kind !== PartKind.delete;
    const parts: Buffer[] = [];
    let at = head.imagesAt;
    for (let row = 0; row < head.rows; row++) {
      const before = hasBefore ? this.#scan(bytes, at, head.before) : undefined;
      at = before?.end ?? at;
      const after = hasAfter ? this.#scan(bytes, at, head.after) : undefined;
      at = after?.end ?? at;
      const was = before !== undefined && this.#holds(bytes, before.image) ? before.image : undefined;
      const is = after !== undefined && this.#holds(bytes, after.image) ? after.image : undefined;
      if (was === undefined && is === undefined) continue;
      const kind = part.kind === PartKind.update ? kindOf(was, is) : part.kind;
      if (wants(kind)) parts.push(this.#part(bytes, kind, part.flags, was, is));
    }
    return parts;
  }

  #scan(bytes: Buffer, start: number, present: Buffer | undefined): { image: Image; end: number } {
    let at = start + 1;
    const image = this.#source.columns.map((_, column) => {
      if (present !== undefined && ((present[column >> 3]! >> (column & 7)) & 1) === 0) return undefined;
      const from = at;
      at += valueBytes(bytes, at);
      return { at: from, end: at };
    });
    return { image, end: at };
  }

  #holds(bytes: Buffer, image: Image): boolean {
    if (
      this.#partition !== undefined &&
      this.#share(bytes, image, this.#partition.of) !== this.#partition.index
    )
      return false;
    if (this.#conditions.length === 0) return true;
    const values = image.map((place, column) =>
      place === undefined ? undefined : readValue(bytes, place.at, this.#source.columns[column]!),
    );
    return this.#conditions.map((condition) => condition.holds(values)).every(Boolean);
  }

  /** By the bytes of its key; all rows of a table without a key are of one share. */
  #share(bytes: Buffer, image: Image, of: number): number {
    const { primaryKey, schema, table } = this.#source;
    if (primaryKey.length === 0) return crc32(`${schema}.${table}`) % of;
    let sum = 0;
    for (const column of primaryKey) {
      const place = image[column];
      if (place === undefined)
        throw new DrcError(
          'CONDITION_FAILED',
          `A row image of ${schema}.${table} does not have the whole key, by which rows are divided.`,
          { table: `${schema}.${table}` },
        );
      sum = crc32(bytes.subarray(place.at, place.end), sum);
    }
    return sum % of;
  }

  /** One row as a part of its own. */
  #part(
    bytes: Buffer,
    kind: PartKindCode,
    flags: number,
    before: Image | undefined,
    after: Image | undefined,
  ): Buffer {
    const images = [before, after].filter((image) => image !== undefined);
    const isPartial = (flags & PartFlag.partial) !== 0;
    const bitmaps = isPartial ? images.map((image) => this.#bitmap(image)) : [];
    const content = images.map((image) => this.#image(bytes, image));
    const head = Buffer.alloc(partHeaderBytes);
    const count = Buffer.alloc(4);
    count.writeUInt32LE(1);
    const body = Buffer.concat([this.#id, count, ...bitmaps, ...content]);
    head[0] = kind;
    head[1] = flags;
    head.writeUInt32LE(body.length, 2);
    return Buffer.concat([head, body]);
  }

  #bitmap(image: Image): Buffer {
    const bitmap = Buffer.alloc(Math.ceil(this.#kept.length / 8));
    for (const [place, column] of this.#kept.entries())
      if (image[column] !== undefined) bitmap[place >> 3]! |= 1 << (place & 7);
    return bitmap;
  }

  #image(bytes: Buffer, image: Image): Buffer {
    const values = this.#kept.flatMap((column) => {
      const place = image[column];
      return place === undefined ? [] : [bytes.subarray(place.at, place.end)];
    });
    return Buffer.concat([Buffer.of(imageMarker), ...values]);
  }
}

function conditionOf(text: string, version: TableVersion): Condition {
  try {
    return compileCondition(text, version);
  } catch (error) {
    if (!isDrcError(error, 'CONDITION_INVALID')) throw error;
    const table = `${version.schema}.${version.table}`;
    throw new DrcError(
      error.code,
      `${table}: ${error.message}`,
      { ...error.details, table },
      { cause: error },
    );
  }
}

function mustHave({ schema, table, columns }: TableVersion, name: string): void {
  if (columns.some((column) => folded(column.name) === folded(name))) return;
  throw new DrcError('CONDITION_INVALID', `${schema}.${table} has no column ${name}, which was asked for.`, {
    table: `${schema}.${table}`,
    column: name,
  });
}

function projected(version: TableVersion, kept: readonly number[]): TableVersion {
  const hasKey = version.primaryKey.every((column) => kept.includes(column));
  return {
    ...version,
    columns: kept.map((column) => version.columns[column]!),
    // Without one of its columns a key identifies nothing.
    primaryKey: hasKey ? version.primaryKey.map((column) => kept.indexOf(column)) : [],
  };
}

const kindOf = (was: Image | undefined, is: Image | undefined): PartKindCode =>
  was === undefined ? PartKind.insert : is === undefined ? PartKind.delete : PartKind.update;

/** Both servers compare the names of columns without regard to case. */
const folded = (name: string): string => name.toLowerCase();
