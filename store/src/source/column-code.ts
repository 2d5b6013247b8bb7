/** Column types as a TABLE_MAP event numbers them: MySQL's `enum_field_types`, and what MariaDB added. */
export const ColumnCode = {
  decimalOld: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestampOld: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  timeOld: 11,
  datetimeOld: 12,
  year: 13,
  newDate: 14,
  varchar: 15,
  bit: 16,
  timestamp2: 17,
  datetime2: 18,
  time2: 19,
  blobCompressed: 140,
  varcharCompressed: 141,
  vector: 242,
  json: 245,
  newDecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

/** Bytes of metadata that the TABLE_MAP event carries for a type; undefined for a type we do not know. */
export function metadataBytesOf(code: number): number | undefined {
  switch (code) {
    case ColumnCode.float:
    case ColumnCode.double:
    case ColumnCode.timestamp2:
    case ColumnCode.datetime2:
    case ColumnCode.time2:
    case ColumnCode.tinyBlob:
    case ColumnCode.mediumBlob:
    case ColumnCode.longBlob:
    case ColumnCode.blob:
    case ColumnCode.blobCompressed:
    case ColumnCode.geometry:
    case ColumnCode.json:
    case ColumnCode.vector:
      return 1;
    case ColumnCode.varchar:
    case ColumnCode.varcharCompressed:
    case ColumnCode.varString:
    case ColumnCode.bit:
    case ColumnCode.newDecimal:
    case ColumnCode.enum:
    case ColumnCode.set:
    case ColumnCode.string:
      return 2;
    case ColumnCode.decimalOld:
    case ColumnCode.tiny:
    case ColumnCode.short:
    case ColumnCode.long:
    case ColumnCode.null:
    case ColumnCode.timestampOld:
    case ColumnCode.longlong:
    case ColumnCode.int24:
    case ColumnCode.date:
    case ColumnCode.timeOld:
    case ColumnCode.datetimeOld:
    case ColumnCode.year:
    case ColumnCode.newDate:
      return 0;
    default:
      return undefined;
  }
}

/** Whether the SIGNEDNESS metadata has a bit for a column of this type. Both servers count YEAR, and neither BIT. */
export function hasSignedness(code: number): boolean {
  switch (code) {
    case ColumnCode.tiny:
    case ColumnCode.short:
    case ColumnCode.int24:
    case ColumnCode.long:
    case ColumnCode.longlong:
    case ColumnCode.float:
    case ColumnCode.double:
    case ColumnCode.newDecimal:
    case ColumnCode.year:
      return true;
    default:
      return false;
  }
}

/**
 * Whether the charset metadata counts a column of this type. The servers differ: MariaDB counts GEOMETRY (a blob
 * to it), MySQL does not; MySQL counts VECTOR.
 */
export function hasCharset(code: number, flavour: 'mariadb' | 'mysql'): boolean {
  switch (code) {
    case ColumnCode.string:
    case ColumnCode.varString:
    case ColumnCode.varchar:
    case ColumnCode.varcharCompressed:
    case ColumnCode.tinyBlob:
    case ColumnCode.mediumBlob:
    case ColumnCode.longBlob:
    case ColumnCode.blob:
    case ColumnCode.blobCompressed:
    case ColumnCode.vector:
      return true;
    case ColumnCode.geometry:
      return flavour === 'mariadb';
    default:
      return false;
  }
}

export const isEnumOrSet = (code: number): boolean => code === ColumnCode.enum || code === ColumnCode.set;
