import { ColumnCode, hasCharset, hasSignedness, isEnumOrSet, metadataBytesOf } from './column-code.js';
import { EventBytes, malformedEvent } from './event-bytes.js';

export type Flavour = 'mariadb' | 'mysql';

/** One column as a TABLE_MAP event describes it. */
export interface MapColumn {
  /** Empty without FULL metadata. */
  readonly name: string;
  /** The real type: ENUM and SET are taken out of the STRING that they travel in. See `ColumnCode`. */
  readonly code: number;
  /**
   * What the type needs: bytes of the length for blobs, bytes at most for CHAR and VARCHAR, bits for BIT,
   * fractional digits for temporals, precision * 256 + scale for DECIMAL, bytes in the row for ENUM and SET.
   */
  readonly metadata: number;
  readonly nullable: boolean;
  readonly unsigned: boolean;
  /** ENUM and SET: the labels in the column's own charset. */
  readonly labels?: readonly Buffer[];
  readonly geometryType?: number;
  /** VECTOR */
  readonly dimensions?: number;
  /** False for INVISIBLE columns; MariaDB does not tell. */
  readonly visible: boolean;
}

/** Collation ids: one for each column that counts, in column order, or a default and exceptions by their number. */
export interface CharsetMetadata {
  readonly fallback: number | undefined;
  readonly at: ReadonlyMap<number, number>;
}

/** A TABLE_MAP event. */
export interface TableMap {
  readonly tableId: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly MapColumn[];
  /** Indexes into `columns`, in key order. */
  readonly primaryKey: readonly number[];
  /** False where `binlog_row_metadata` was not FULL: names, and with them everything, are missing. */
  readonly hasFullMetadata: boolean;
  /** Read with `collationsOf`: which columns count depends on the server. */
  readonly textCharsets: CharsetMetadata;
  readonly labelCharsets: CharsetMetadata;
}

/*
 * Body of a TABLE_MAP event (libbinlogevents' Table_map_event):
 *   table id u48 | flags u16 | schema: length u8, text, 0 | table: length u8, text, 0
 *   | column count packed | type u8 * columns | metadata: length packed, bytes | nullable bitmap
 *   | ( field type u8 | length packed | value )*
 */
const Field = {
  signedness: 1,
  defaultCharset: 2,
  columnCharset: 3,
  columnName: 4,
  setLabels: 5,
  enumLabels: 6,
  geometryType: 7,
  simplePrimaryKey: 8,
  prefixPrimaryKey: 9,
  labelDefaultCharset: 10,
  labelColumnCharset: 11,
  visibility: 12,
  vectorDimensions: 13,
} as const;

/** MySQL allows 4096 columns; nothing larger is allocated for. */
const maxColumns = 4096;

/**
 * @param bodyAt behind the event header
 * @param end behind the body, before a checksum
 * @throws DrcError `EVENT_MALFORMED`
 */
export function parseTableMap(event: Buffer, bodyAt: number, end: number): TableMap {
  const reader = new EventBytes(event, bodyAt, end, 'table map');
  const tableId = reader.u48();
  reader.skip(2);
  const schema = nameOf(reader);
  const table = nameOf(reader);
  const count = reader.packed();
  if (count > maxColumns) throw malformedEvent('table map with too many columns');
  const codes = Array.from(reader.slice(count));
  const metadata = typeMetadata(codes, reader.slice(reader.packed()));
  const nullable = reader.slice((count + 7) >> 3);
  const fields = optionalFields(reader);

  const real = codes.map((code, index) => realType(code, metadata[index]));
  const indexes = (matches: (code: number) => boolean): number[] =>
    real.flatMap(({ code }, index) => (matches(code) ? [index] : []));
  const names = listOf(fields.get(Field.columnName), (field) => field.slice(field.packed()));
  const unsigned = flagged(fields.get(Field.signedness), indexes(hasSignedness));
  const labels = new Map([
    ...paired(
      indexes((code) => code === ColumnCode.set),
      listOf(fields.get(Field.setLabels), labelsOf),
    ),
    ...paired(
      indexes((code) => code === ColumnCode.enum),
      listOf(fields.get(Field.enumLabels), labelsOf),
    ),
  ]);
  const geometryTypes = new Map(
    paired(
      indexes((code) => code === ColumnCode.geometry),
      listOf(fields.get(Field.geometryType), packedOf),
    ),
  );
  const dimensions = new Map(
    paired(
      indexes((code) => code === ColumnCode.vector),
      listOf(fields.get(Field.vectorDimensions), packedOf),
    ),
  );
  const visibility = fields.get(Field.visibility);
  const visible = flagged(visibility, [...codes.keys()]);
  if (names.length > 0 && names.length !== count) throw malformedEvent('table map, column names');

  return {
    tableId,
    schema,
    table,
    columns: real.map(({ code, metadata: parameter }, index) => {
      const label = labels.get(index);
      const geometryType = geometryTypes.get(index);
      const vector = dimensions.get(index);
      return {
        name: names[index]?.toString('utf8') ?? '',
        code,
        metadata: parameter,
        nullable: ((nullable[index >> 3]! >> (index & 7)) & 1) === 1,
        unsigned: unsigned.has(index),
        visible: visibility === undefined || visible.has(index),
        ...(label && { labels: label }),
        ...(geometryType !== undefined && { geometryType }),
        ...(vector !== undefined && { dimensions: vector }),
      };
    }),
    primaryKey: primaryKeyOf(fields, count),
    hasFullMetadata: names.length === count,
    textCharsets: charsetsOf(fields.get(Field.defaultCharset), fields.get(Field.columnCharset)),
    labelCharsets: charsetsOf(fields.get(Field.labelDefaultCharset), fields.get(Field.labelColumnCharset)),
  };
}

/** The collation id of each column, by index; undefined where it has none. */
export function collationsOf(map: TableMap, flavour: Flavour): readonly (number | undefined)[] {
  let texts = 0;
  let labels = 0;
  return map.columns.map(({ code }) => {
    if (isEnumOrSet(code)) return collationAt(map.labelCharsets, labels++);
    return hasCharset(code, flavour) ? collationAt(map.textCharsets, texts++) : undefined;
  });
}

const collationAt = (charsets: CharsetMetadata, index: number): number | undefined =>
  charsets.at.get(index) ?? charsets.fallback;

const binaryCollation = 63;

/**
 * Whether the table has columns that only INFORMATION_SCHEMA can tell: on MariaDB UUID and INET look like BINARY,
 * VECTOR like VARBINARY, JSON like LONGTEXT, and temporals of the 5.3 format carry no precision.
 */
export function needsLearning(map: TableMap, flavour: Flavour): boolean {
  if (flavour === 'mysql') return false;
  // Whether it is system-versioned.
  if (map.columns.filter(isRowMoment).length > 1) return true;
  const collations = collationsOf(map, flavour);
  return map.columns.some(({ code, metadata }, index) => {
    switch (code) {
      case ColumnCode.string:
        return collations[index] === binaryCollation && (metadata === 16 || metadata === 4);
      case ColumnCode.varchar:
        return collations[index] === binaryCollation && metadata % 4 === 0;
      case ColumnCode.blob:
        return collations[index] !== binaryCollation && metadata === 4;
      case ColumnCode.timestampOld:
      case ColumnCode.datetimeOld:
      case ColumnCode.timeOld:
        return true;
      default:
        return false;
    }
  });
}

/** Whether a system-versioned table of MariaDB may have the beginning or the end of a row's life in it. */
export const isRowMoment = ({ code, metadata, nullable }: MapColumn): boolean =>
  code === ColumnCode.timestamp2 && metadata === 6 && !nullable;

function nameOf(reader: EventBytes): string {
  const name = reader.slice(reader.u8()).toString('utf8');
  if (reader.u8() !== 0) throw malformedEvent('table map, name');
  return name;
}

/** The raw metadata of each column. What follows a type that we do not know cannot be told: undefined from there. */
function typeMetadata(codes: readonly number[], bytes: Buffer): (number | undefined)[] {
  let at = 0;
  let known = true;
  const values = codes.map((code) => {
    const size = metadataBytesOf(code);
    known &&= size !== undefined;
    if (!known || size === undefined) return undefined;
    const start = at;
    at += size;
    if (at > bytes.length) throw malformedEvent('table map, column metadata');
    return size === 0 ? 0 : size === 1 ? bytes[start]! : bytes.readUInt16LE(start);
  });
  if (known && at !== bytes.length) throw malformedEvent('table map, column metadata');
  return values;
}

/** Marks a column whose metadata is unknown because an unknown type stands before it; no server uses this code. */
const unreadable = -1;

function realType(code: number, raw: number | undefined): { code: number; metadata: number } {
  if (raw === undefined)
    return { code: metadataBytesOf(code) === undefined ? code : unreadable, metadata: 0 };
  const low = raw & 0xff;
  const high = raw >> 8;
  switch (code) {
    case ColumnCode.string:
      // The low byte is the real type; CHAR borrows two of its bits, inverted, for lengths beyond 255 (MySQL bug 37426).
      if ((low & 0x30) !== 0x30) return { code: low | 0x30, metadata: high | (((low & 0x30) ^ 0x30) << 4) };
      return isEnumOrSet(low) ? realType(low, raw) : { code: low, metadata: high };
    case ColumnCode.newDecimal:
      return { code, metadata: within(low * 256 + high, low >= 1 && low <= 81 && high <= low) };
    case ColumnCode.bit:
      return { code, metadata: within(high * 8 + low, high * 8 + low >= 1 && high * 8 + low <= 64) };
    case ColumnCode.enum:
      return { code, metadata: within(high, high === 1 || high === 2) };
    case ColumnCode.set:
      return { code, metadata: within(high, high >= 1 && high <= 8) };
    case ColumnCode.timestamp2:
    case ColumnCode.datetime2:
    case ColumnCode.time2:
      return { code, metadata: within(raw, raw <= 6) };
    case ColumnCode.tinyBlob:
    case ColumnCode.mediumBlob:
    case ColumnCode.longBlob:
    case ColumnCode.blob:
    case ColumnCode.blobCompressed:
    case ColumnCode.geometry:
    case ColumnCode.json:
    case ColumnCode.vector:
      return { code, metadata: within(raw, raw >= 1 && raw <= 4) };
    default:
      return { code, metadata: raw };
  }
}

function within(metadata: number, isPossible: boolean): number {
  if (!isPossible) throw malformedEvent('table map, column metadata');
  return metadata;
}

function optionalFields(reader: EventBytes): Map<number, EventBytes> {
  const fields = new Map<number, EventBytes>();
  while (!reader.done) {
    const type = reader.u8();
    const length = reader.packed();
    const at = reader.skip(length);
    fields.set(type, new EventBytes(reader.bytes, at, at + length, `table map, optional metadata ${type}`));
  }
  return fields;
}

function listOf<T>(field: EventBytes | undefined, read: (field: EventBytes) => T): T[] {
  const list: T[] = [];
  while (field && !field.done) list.push(read(field));
  return list;
}

const packedOf = (field: EventBytes): number => field.packed();

function labelsOf(field: EventBytes): Buffer[] {
  const count = field.packed();
  const labels: Buffer[] = [];
  // Copied: the labels outlive the event.
  for (let index = 0; index < count; index++) labels.push(Buffer.from(field.slice(field.packed())));
  return labels;
}

/** The indexes whose bit is set; the first is the highest bit of the first byte. */
function flagged(field: EventBytes | undefined, indexes: readonly number[]): Set<number> {
  if (!field) return new Set();
  const bits = field.slice(field.end - field.at);
  if (bits.length !== (indexes.length + 7) >> 3) throw malformedEvent('table map, column flags');
  return new Set(indexes.filter((_, bit) => ((bits[bit >> 3]! << (bit & 7)) & 0x80) !== 0));
}

function paired<T>(indexes: readonly number[], values: readonly T[]): [number, T][] {
  if (values.length > 0 && values.length !== indexes.length)
    throw malformedEvent('table map, optional metadata does not fit the columns');
  return values.map((value, position) => [indexes[position]!, value]);
}

function charsetsOf(byDefault: EventBytes | undefined, perColumn: EventBytes | undefined): CharsetMetadata {
  if (!byDefault) return { fallback: undefined, at: new Map(listOf(perColumn, packedOf).entries()) };
  const fallback = byDefault.packed();
  return {
    fallback,
    at: new Map(listOf(byDefault, (field): [number, number] => [field.packed(), field.packed()])),
  };
}

function primaryKeyOf(fields: ReadonlyMap<number, EventBytes>, columns: number): number[] {
  const key = fields.has(Field.prefixPrimaryKey)
    ? listOf(fields.get(Field.prefixPrimaryKey), (field) => {
        const index = field.packed();
        field.packed();
        return index;
      })
    : listOf(fields.get(Field.simplePrimaryKey), packedOf);
  if (key.some((index) => index >= columns)) throw malformedEvent('table map, primary key');
  return key;
}
