import { DrcError, type Column, type ColumnType } from '@drc/protocol';
import { inet4Writer, inet6Writer, uuidWriter } from './address.js';
import { charsetNameOf, charsetOf, type Charset, type Losses } from './charset.js';
import { ColumnCode } from './column-code.js';
import { CompressedWriter } from './compressed-column.js';
import { decimalLayout } from './decimal.js';
import * as direct from './direct-write.js';
import type { DirectWrite } from './direct-write.js';
import { JsonWriter } from './json-binary.js';
import { enumMessages, labelsInUtf8, SetWriter } from './labels.js';
import { maxHeaderBytes, maxIntegerBytes } from './message-bytes.js';
import { oldDatetime, oldTime, oldTimestamp, type OldTemporal } from './old-temporal.js';
import { dateMessageBytes, datetimeMessageBytes, fractionBytes, timeMessageBytes } from './temporal.js';
import type { Flavour, MapColumn } from './table-schema.js';
import { BytesWriter, TextWriter } from './text.js';
import type { ValueWriter } from './value-writer.js';

/** What INFORMATION_SCHEMA says of a column, for what a TABLE_MAP event cannot tell. */
export interface LearnedColumn {
  /** DATA_TYPE, e.g. `uuid`, `inet6`; `json` where a json_valid check makes it one. */
  readonly dataType: string;
  /** COLUMN_TYPE, e.g. `datetime(3)`. */
  readonly columnType: string;
  /** The end of a row's life in a system-versioned table. */
  readonly isRowEnd?: true;
  /** What it belongs to is a table, and no sequence. */
  readonly isOfTable?: true;
}

/** How the bytes of a value are laid out in a row: `width` is its size, or the size of the length before it. */
interface Extent {
  readonly variable: boolean;
  readonly width: number;
}

/** Everything that is known about a column before the first row. */
export interface ColumnPlan extends Extent {
  /** Bytes that `direct` writes at most, for a variable column without the value's own length. */
  readonly maxBytes: number;
  /** Absent where there is a `writer`, and for an excluded column. */
  readonly direct?: DirectWrite;
  readonly writer?: ValueWriter;
  /** Absent for an excluded column. */
  readonly column?: Column;
}

export interface ColumnContext {
  readonly schema: string;
  readonly table: string;
  readonly flavour: Flavour;
  readonly collation: number | undefined;
  readonly learned: LearnedColumn | undefined;
  /** Grows with each character of the column that has no place in UTF-8. */
  readonly losses: Losses;
}

/** @throws DrcError `UNSUPPORTED_COLUMN` where not even the length of its values is known. */
export function skippedColumn(column: MapColumn, context: ColumnContext): ColumnPlan {
  return { ...extentOf(column, context), maxBytes: 0 };
}

/** @throws DrcError `UNSUPPORTED_COLUMN` */
export function planColumn(column: MapColumn, context: ColumnContext): ColumnPlan {
  const { code, metadata, unsigned } = column;
  const extent = extentOf(column, context);
  const describe = (type: ColumnType, rest: Partial<Column> = {}): Column => ({
    name: column.name,
    type,
    nullable: column.nullable,
    ...rest,
  });
  const plan = (write: DirectWrite, maxBytes: number, described: Column): ColumnPlan => ({
    ...extent,
    maxBytes,
    direct: write,
    column: described,
  });
  const integer = (signed: DirectWrite, unsignedOne: DirectWrite): ColumnPlan =>
    plan(
      unsigned ? unsignedOne : signed,
      maxIntegerBytes,
      describe('int', { ...isUnsigned(unsigned), length: extent.width }),
    );
  const other = (described: Column, writer: ValueWriter): ColumnPlan => ({
    ...extent,
    maxBytes: 0,
    writer,
    column: described,
  });

  switch (code) {
    case ColumnCode.tiny:
      return integer(direct.int8, direct.uint8);
    case ColumnCode.short:
      return integer(direct.int16, direct.uint16);
    case ColumnCode.int24:
      return integer(direct.int24, direct.uint24);
    case ColumnCode.long:
      return integer(direct.int32, direct.uint32);
    case ColumnCode.longlong:
      return plan(unsigned ? direct.uint64 : direct.int64, 9, describe('bigint', isUnsigned(unsigned)));
    case ColumnCode.float:
      return plan(direct.float, 5, describe('float', isUnsigned(unsigned)));
    case ColumnCode.double:
      return plan(direct.double, 9, describe('double', isUnsigned(unsigned)));
    case ColumnCode.newDecimal: {
      const precision = metadata >> 8;
      const scale = metadata & 0xff;
      const layout = decimalLayout(precision, scale);
      const described = describe('decimal', { ...isUnsigned(unsigned), precision, scale });
      return plan(direct.decimal(layout), layout.maxBytes, described);
    }
    case ColumnCode.year:
      return plan(direct.year, maxIntegerBytes, describe('year'));
    case ColumnCode.date:
    case ColumnCode.newDate:
      return plan(direct.date, dateMessageBytes, describe('date'));
    case ColumnCode.datetime2:
      return plan(direct.datetime(metadata), datetimeMessageBytes, describe('datetime', { scale: metadata }));
    case ColumnCode.timestamp2:
      return plan(
        direct.timestamp(metadata),
        datetimeMessageBytes,
        describe('timestamp', { scale: metadata }),
      );
    case ColumnCode.time2:
      return plan(direct.time(metadata), timeMessageBytes, describe('time', { scale: metadata }));
    case ColumnCode.timestampOld:
    case ColumnCode.timeOld:
    case ColumnCode.datetimeOld: {
      const { type, scale, writer } = oldTemporal(column, context);
      return other(describe(type, { scale }), writer);
    }
    case ColumnCode.bit:
      return plan(direct.binary, maxHeaderBytes + extent.width, describe('bit', { length: metadata }));
    case ColumnCode.enum:
    case ColumnCode.set:
      return labelled();
    case ColumnCode.string:
    case ColumnCode.varString:
    case ColumnCode.varchar:
      return characters(metadata, code === ColumnCode.string);
    case ColumnCode.tinyBlob:
    case ColumnCode.mediumBlob:
    case ColumnCode.longBlob:
    case ColumnCode.blob:
      return characters(256 ** extent.width - 1, false);
    case ColumnCode.varcharCompressed:
      // One byte of the length is the compression header's.
      return compressed(metadata - 1);
    case ColumnCode.blobCompressed:
      return compressed(256 ** extent.width - 1);
    case ColumnCode.geometry:
      return plan(direct.binary, maxHeaderBytes, describe('geometry'));
    case ColumnCode.json:
      return other(describe('json'), new JsonWriter());
    case ColumnCode.vector:
      return plan(
        direct.binary,
        maxHeaderBytes,
        describe('vector', column.dimensions === undefined ? {} : { length: column.dimensions }),
      );
    default:
      throw unsupported(column, context, `type ${code} is not handled`);
  }

  function labelled(): ColumnPlan {
    const charset = charsetFor(column, context);
    if (!column.labels) throw unsupported(column, context, 'the event carries no labels');
    const labels = labelsInUtf8(column.labels, charset);
    const described = describe(code === ColumnCode.enum ? 'enum' : 'set', {
      ...collationOf(context),
      labels: labels.map((label) => label.toString('utf8')),
    });
    if (code === ColumnCode.set) return other(described, new SetWriter(labels));
    const messages = enumMessages(labels);
    return plan(direct.label(messages), Math.max(...messages.map((message) => message.length)), described);
  }

  function characters(length: number, fixed: boolean): ColumnPlan {
    if (isBinary(context)) return binary(length, fixed);
    const charset = charsetFor(column, context);
    const isJson = context.learned?.dataType === 'json' && code === ColumnCode.blob;
    const described = describe(isJson ? 'json' : 'text', {
      length,
      ...(fixed && { fixed }),
      ...collationOf(context),
    });
    return charset.isUtf8
      ? plan(direct.utf8, maxHeaderBytes, described)
      : other(described, new TextWriter(charset, context.losses));
  }

  function binary(length: number, fixed: boolean): ColumnPlan {
    const learned = context.learned?.dataType;
    if (fixed && learned === 'uuid' && length === 16) return other(describe('uuid'), uuidWriter);
    if (fixed && learned === 'inet6' && length === 16) return other(describe('inet6'), inet6Writer);
    if (fixed && learned === 'inet4' && length === 4) return other(describe('inet4'), inet4Writer);
    if (learned === 'vector' && length % 4 === 0)
      return plan(direct.binary, maxHeaderBytes, describe('vector', { length: length / 4 }));
    const described = describe('bytes', { length, ...(fixed && { fixed }) });
    return fixed
      ? plan(direct.paddedBinary(length), maxHeaderBytes + length, described)
      : plan(direct.binary, maxHeaderBytes, described);
  }

  function compressed(length: number): ColumnPlan {
    if (isBinary(context))
      return other(describe('bytes', { length }), new CompressedWriter(new BytesWriter(), length));
    const charset = charsetFor(column, context);
    return other(
      describe('text', { length, ...collationOf(context) }),
      new CompressedWriter(new TextWriter(charset, context.losses), length),
    );
  }
}

const isUnsigned = (unsigned: boolean): Partial<Column> => (unsigned ? { unsigned } : {});

const collationOf = ({ collation }: ColumnContext): Partial<Column> =>
  collation === undefined ? {} : { collation };

const isBinary = ({ collation }: ColumnContext): boolean =>
  collation !== undefined && charsetNameOf(collation) === 'binary';

function charsetFor(column: MapColumn, context: ColumnContext): Charset {
  const { collation } = context;
  if (collation === undefined) throw unsupported(column, context, 'the event carries no charset for it');
  const name = charsetNameOf(collation);
  const charset = name === undefined ? undefined : charsetOf(name);
  if (!charset)
    throw unsupported(column, context, `charset ${name ?? `of collation ${collation}`} is not handled`);
  return charset;
}

function extentOf(column: MapColumn, context: ColumnContext): Extent {
  const { code, metadata } = column;
  switch (code) {
    case ColumnCode.tiny:
    case ColumnCode.year:
      return fixed(1);
    case ColumnCode.short:
      return fixed(2);
    case ColumnCode.int24:
    case ColumnCode.date:
    case ColumnCode.newDate:
      return fixed(3);
    case ColumnCode.long:
    case ColumnCode.float:
      return fixed(4);
    case ColumnCode.longlong:
    case ColumnCode.double:
      return fixed(8);
    case ColumnCode.newDecimal:
      return fixed(decimalLayout(metadata >> 8, metadata & 0xff).bytes);
    case ColumnCode.timestamp2:
      return fixed(4 + fractionBytes(metadata));
    case ColumnCode.datetime2:
      return fixed(5 + fractionBytes(metadata));
    case ColumnCode.time2:
      return fixed(3 + fractionBytes(metadata));
    case ColumnCode.timestampOld:
    case ColumnCode.timeOld:
    case ColumnCode.datetimeOld:
      return fixed(oldTemporal(column, context).bytes);
    case ColumnCode.bit:
      return fixed((metadata + 7) >> 3);
    case ColumnCode.enum:
    case ColumnCode.set:
      return fixed(metadata);
    case ColumnCode.string:
    case ColumnCode.varString:
    case ColumnCode.varchar:
    case ColumnCode.varcharCompressed:
      return { variable: true, width: metadata < 256 ? 1 : 2 };
    case ColumnCode.tinyBlob:
    case ColumnCode.mediumBlob:
    case ColumnCode.longBlob:
    case ColumnCode.blob:
    case ColumnCode.blobCompressed:
    case ColumnCode.geometry:
    case ColumnCode.json:
    case ColumnCode.vector:
      if (metadata < 1 || metadata > 4)
        throw unsupported(column, context, `its values have lengths of ${metadata} bytes`);
      return { variable: true, width: metadata };
    default:
      throw unsupported(column, context, `type ${code} is not handled`);
  }
}

const fixed = (width: number): Extent => ({ variable: false, width });

/**
 * The format says nothing of fractional digits: on MySQL there are none, on MariaDB only the column's definition
 * can tell. A definition of another type is of another time.
 */
function oldTemporal(
  column: MapColumn,
  context: ColumnContext,
): OldTemporal & { type: 'timestamp' | 'time' | 'datetime'; scale: number } {
  const [type, layout] =
    column.code === ColumnCode.timestampOld
      ? (['timestamp', oldTimestamp] as const)
      : column.code === ColumnCode.timeOld
        ? (['time', oldTime] as const)
        : (['datetime', oldDatetime] as const);
  const scale = context.flavour === 'mysql' ? 0 : learnedScale(type, context.learned);
  if (scale === undefined)
    throw unsupported(
      column,
      context,
      'it has the temporal format of MariaDB 5.3, and its fractional digits could not be learned; ' +
        'ALTER TABLE … FORCE with mysql56_temporal_format=ON converts it',
    );
  return { ...layout(scale), type, scale };
}

function learnedScale(type: string, learned: LearnedColumn | undefined): number | undefined {
  if (learned?.dataType !== type) return undefined;
  const match = /^[a-z]+(?:\((\d)\))?/.exec(learned.columnType.toLowerCase());
  return match ? Number(match[1] ?? 0) : undefined;
}

function unsupported(column: MapColumn, context: ColumnContext, reason: string): DrcError {
  const table = `${context.schema}.${context.table}`;
  return new DrcError(
    'UNSUPPORTED_COLUMN',
    `Column ${column.name} of ${table} cannot be captured: ${reason}.`,
    { table, column: column.name },
  );
}
