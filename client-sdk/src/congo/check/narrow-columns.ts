import type { Column } from '@drc/protocol';
import type { MatchedColumn } from '../matched-column.js';
import type { Target } from '../target.js';
import type { TargetColumn } from '../target-column.js';
import type { TargetTable } from '../target-table.js';

/** Bits of the whole numbers that a column holds, the sign left out. */
const integerBits: Readonly<Record<string, number>> = {
  tinyint: 8,
  smallint: 16,
  mediumint: 24,
  int: 32,
  bigint: 64,
};
const limitedTexts: ReadonlySet<string> = new Set(['char', 'varchar']);

/** What the target says of the bytes of its text columns. */
interface TextColumn {
  readonly name: string;
  readonly octets: number | string | null;
  readonly charset: string | null;
}

/** Why some values of the source's column may be refused by the target's (`VALUE_TRUNCATED`), which congo learns when they come. */
export async function narrowColumns(
  target: Target,
  table: TargetTable,
  columns: readonly MatchedColumn[],
): Promise<readonly string[]> {
  const rows = await target.query<TextColumn[]>(
    `SELECT COLUMN_NAME AS name, CHARACTER_OCTET_LENGTH AS octets, CHARACTER_SET_NAME AS charset
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [table.schema, table.table],
  );
  const charsets = await charsetsById(target);
  const texts = new Map(rows.map((row) => [row.name, row]));
  return columns.flatMap(({ source, target: column }) => {
    const reason =
      numberReason(source, column) ?? textReason(source, column, texts.get(column.name), charsets);
    return reason === undefined ? [] : [`column '${source.name}': ${reason}`];
  });
}

interface Charset {
  readonly name: string;
  /** Bytes that a character takes at most. */
  readonly maxBytes: number;
}

/** By the id of a collation: ids mean the same on all servers but for the newest, of which nothing is said. */
async function charsetsById(target: Target): Promise<ReadonlyMap<number, Charset>> {
  const rows = await target.query<{ id: number | string | null; name: string; maxBytes: number | string }[]>(
    `SELECT c.ID AS id, s.CHARACTER_SET_NAME AS name, s.MAXLEN AS maxBytes FROM information_schema.COLLATIONS c
     JOIN information_schema.CHARACTER_SETS s ON s.CHARACTER_SET_NAME = c.CHARACTER_SET_NAME`,
  );
  return new Map(
    rows
      .filter(({ id }) => id !== null && Number(id) < 256)
      .map(({ id, name, maxBytes }) => [Number(id), { name, maxBytes: Number(maxBytes) }]),
  );
}

function numberReason(source: Column, target: TargetColumn): string | undefined {
  const bits = source.type === 'int' ? (source.length ?? 4) * 8 : source.type === 'bigint' ? 64 : undefined;
  const room = integerBits[target.dataType];
  const signedSource = source.unsigned !== true;
  if (bits !== undefined && room !== undefined) {
    const most = bits - Number(signedSource);
    if (most > room - Number(!target.unsigned))
      return `numbers beyond ${target.dataType} are refused; widen it`;
    if (signedSource && target.unsigned) return 'numbers below 0 are refused by an UNSIGNED column';
  }
  if (source.type === 'decimal' && target.dataType === 'decimal' && source.precision !== undefined) {
    if (source.precision - (source.scale ?? 0) > target.precision - target.scale)
      return `numbers of more than ${target.precision - target.scale} digits before the point are refused; widen it`;
    if (signedSource && target.unsigned) return 'numbers below 0 are refused by an UNSIGNED column';
  }
  return undefined;
}

function textReason(
  source: Column,
  target: TargetColumn,
  text: TextColumn | undefined,
  charsets: ReadonlyMap<number, Charset>,
): string | undefined {
  if ((source.type !== 'text' && source.type !== 'bytes') || source.length === undefined) return undefined;
  const octets = Number(text?.octets ?? Number.POSITIVE_INFINITY);
  const from = source.type === 'text' ? charsets.get(source.collation ?? -1) : undefined;
  if (from && text?.charset && !takesAll(from.name, text.charset))
    return `characters that ${text.charset} lacks are refused; make it ${from.name === 'utf8mb3' ? 'utf8mb3 or utf8mb4' : 'utf8mb4'}`;
  const characters = from && Math.floor(source.length / from.maxBytes);
  const isShort =
    limitedTexts.has(target.dataType) && characters !== undefined
      ? characters > target.length
      : octets < (limitedTexts.has(target.dataType) ? (characters ?? 0) : source.length);
  return isShort
    ? `values longer than ${target.dataType}(${target.length}) are refused; widen it`
    : undefined;
}

const bmp: ReadonlySet<string> = new Set(['utf8', 'utf8mb3', 'ucs2']);

/** Whether the second charset has all characters of the first. */
const takesAll = (from: string, to: string): boolean =>
  from === to ||
  to === 'utf8mb4' ||
  to === 'utf16' ||
  to === 'utf32' ||
  to === 'gb18030' ||
  from === 'ascii' ||
  from === 'binary' ||
  (bmp.has(to) && !['utf8mb4', 'utf16', 'utf16le', 'utf32', 'gb18030'].includes(from));
