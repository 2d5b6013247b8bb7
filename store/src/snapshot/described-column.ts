import { charsetNameOf } from '../source/charset.js';
import { ColumnCode, hasCharset, isEnumOrSet } from '../source/column-code.js';
import { blobLengths, labelsOf } from '../source/column-from-schema.js';
import type { CharsetMetadata, Flavour, MapColumn, TableMap } from '../source/table-schema.js';

/** A column as INFORMATION_SCHEMA describes it. */
export interface DescribedColumn {
  readonly name: string;
  /** DATA_TYPE, in small letters. */
  readonly dataType: string;
  readonly columnType: string;
  readonly nullable: boolean;
  readonly octets: number;
  readonly precision: number;
  readonly scale: number;
  readonly fraction: number;
  /** The collation of its bytes, as a result set names it. */
  readonly collation: number;
}

/** Labels of an ENUM or SET, in UTF-8, in its column's charset. */
export type EncodeLabels = (labels: readonly string[], charset: string) => Promise<readonly Buffer[]>;

interface MapType {
  readonly code: number;
  readonly metadata: number;
}

const plainCodes: Readonly<Record<string, number>> = {
  tinyint: ColumnCode.tiny,
  smallint: ColumnCode.short,
  mediumint: ColumnCode.int24,
  int: ColumnCode.long,
  bigint: ColumnCode.longlong,
  year: ColumnCode.year,
  date: ColumnCode.date,
};

const temporalCodes: Readonly<Record<string, readonly [code: number, old: number]>> = {
  datetime: [ColumnCode.datetime2, ColumnCode.datetimeOld],
  timestamp: [ColumnCode.timestamp2, ColumnCode.timestampOld],
  time: [ColumnCode.time2, ColumnCode.timeOld],
};

/** MariaDB types that the binlog shows as BINARY, by their width. */
const binaryWidths: Readonly<Record<string, number>> = { uuid: 16, inet6: 16, inet4: 4 };

const geometryTypes: ReadonlySet<string> = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'geomcollection',
]);

const setBytes = (labels: number): number => (labels > 32 ? 8 : (labels + 7) >> 3);

/** As a TABLE_MAP event would have it; undefined for a type that capture does not know either. */
function mapTypeOf(column: DescribedColumn, flavour: Flavour): MapType | undefined {
  const { dataType, columnType, octets } = column;
  const isCompressed = /\/\*M?!\d+ COMPRESSED/.test(columnType);
  const plain = plainCodes[dataType];
  if (plain !== undefined) return { code: plain, metadata: 0 };
  const temporal = temporalCodes[dataType];
  if (temporal !== undefined) {
    const isOld = columnType.includes('mariadb-5.3');
    return { code: temporal[isOld ? 1 : 0], metadata: isOld ? 0 : column.fraction };
  }
  const blob = blobLengths[dataType];
  if (blob !== undefined)
    return { code: isCompressed ? ColumnCode.blobCompressed : ColumnCode.blob, metadata: blob };
  const binary = binaryWidths[dataType];
  if (binary !== undefined) return { code: ColumnCode.string, metadata: binary };
  if (geometryTypes.has(dataType)) return { code: ColumnCode.geometry, metadata: 4 };
  switch (dataType) {
    case 'float':
      return { code: ColumnCode.float, metadata: 4 };
    case 'double':
      return { code: ColumnCode.double, metadata: 8 };
    case 'decimal':
      return { code: ColumnCode.newDecimal, metadata: column.precision * 256 + column.scale };
    case 'bit':
      return { code: ColumnCode.bit, metadata: column.precision };
    case 'char':
    case 'binary':
      return { code: ColumnCode.string, metadata: octets };
    case 'varchar':
    case 'varbinary':
      // A byte of the length is the compression header's.
      return isCompressed
        ? { code: ColumnCode.varcharCompressed, metadata: octets + 1 }
        : { code: ColumnCode.varchar, metadata: octets };
    case 'enum':
      return { code: ColumnCode.enum, metadata: labelsOf(columnType).length < 256 ? 1 : 2 };
    case 'set':
      return { code: ColumnCode.set, metadata: setBytes(labelsOf(columnType).length) };
    case 'json':
      return { code: ColumnCode.json, metadata: 4 };
    case 'vector':
      return flavour === 'mariadb'
        ? { code: ColumnCode.varchar, metadata: dimensionsOf(columnType) * 4 }
        : { code: ColumnCode.vector, metadata: 4 };
    default:
      return undefined;
  }
}

const dimensionsOf = (columnType: string): number => Number(/\((\d+)\)/.exec(columnType)?.[1] ?? 0);

const binaryCollation = 63;
/** A result set shows some as text, which the binlog has as bytes. */
const storedCollation = ({ dataType, collation }: DescribedColumn): number =>
  dataType in binaryWidths || dataType === 'vector' || geometryTypes.has(dataType)
    ? binaryCollation
    : collation;

/** What stands in the place of a type that is not known: `planColumn` refuses it by name. */
const unknownCode = ColumnCode.null;

/**
 * The table map that the source would write before a row of this table: so the columns are described, and their values written, by
 * the same code as those of the stream.
 */
export async function tableMapOf(
  name: { readonly schema: string; readonly table: string },
  described: readonly DescribedColumn[],
  primaryKey: readonly number[],
  flavour: Flavour,
  encode: EncodeLabels,
): Promise<TableMap> {
  const columns: MapColumn[] = [];
  for (const column of described) {
    const { code, metadata } = mapTypeOf(column, flavour) ?? { code: unknownCode, metadata: 0 };
    const labels = isEnumOrSet(code)
      ? { labels: await encode(labelsOf(column.columnType), charsetNameOf(column.collation) ?? '') }
      : {};
    columns.push({
      name: column.name,
      code,
      metadata,
      nullable: column.nullable,
      unsigned: /\bunsigned\b/i.test(column.columnType) && !isEnumOrSet(code),
      visible: true,
      ...labels,
      ...(code === ColumnCode.vector ? { dimensions: dimensionsOf(column.columnType) } : {}),
    });
  }
  const collations = (counts: (code: number) => boolean): CharsetMetadata => {
    const counted = described.filter((_, index) => counts(columns[index]!.code));
    return {
      fallback: undefined,
      at: new Map(counted.map((column, index) => [index, storedCollation(column)])),
    };
  };
  return {
    tableId: 0,
    ...name,
    columns,
    primaryKey,
    hasFullMetadata: true,
    textCharsets: collations((code) => hasCharset(code, flavour)),
    labelCharsets: collations(isEnumOrSet),
  };
}
