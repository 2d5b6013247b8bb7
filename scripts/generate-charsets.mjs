// Asks servers what the bytes of each charset mean and writes store/src/source/charset-tables.ts.
//
//   node scripts/generate-charsets.mjs mysql://root@127.0.0.1:3306 [more servers]
//
// Name a MariaDB server first, then a MySQL server: the charsets that both have must agree, those of either are
// added, and the collation ids of both are merged. Where the servers disagree the script says so and fails.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import mysql from 'mysql2/promise';

const target = fileURLToPath(new URL('../store/src/source/charset-tables.ts', import.meta.url));
/** Done by code of our own, see charset.ts. */
const ownCode = new Set(['utf8mb3', 'utf8mb4', 'ucs2', 'utf16', 'utf16le', 'utf32', 'binary']);
const unmapped = 0;
const illFormed = 0xffff;
const threeByteLead = 0x8f;
/** Codes of four bytes that stand for a character of 16 bits, 0x81308130 to 0x8431A439. */
const fourByteCodes = 39_420;
/** One of these as SQL, counted by `n`. */
const fourByteCode = 'CHAR(0x81 + n DIV 12600, 0x30 + n DIV 1260 % 10, 0x81 + n DIV 10 % 126, 0x30 + n % 10)';
/** Kept as the difference to another charset's table, which is nearly the same. */
const bases = { gb18030: 'gbk' };

const charsets = new Map();
const collations = new Map();
for (const url of process.argv.slice(2)) {
  const connection = await mysql.createConnection({ uri: url, charset: 'utf8mb4' });
  await connection.query('SET SESSION group_concat_max_len = 4194304');
  const [rows] = await connection.query(
    'SELECT a.character_set_name AS charset, a.collation_name AS name FROM information_schema.collation_character_set_applicability a ORDER BY 1, 2',
  );
  for (const name of new Set(rows.map((row) => row.charset))) {
    if (!ownCode.has(name)) merge(charsets, name, await tablesOf(connection, name), url);
  }
  for (const [id, charset] of await collationsOf(connection)) merge(collations, id, charset, url);
  await connection.end();
}
writeFileSync(target, sourceText());

function merge(map, key, value, url) {
  const known = map.get(key);
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(value))
    throw new Error(`${url} has another ${key} than the servers before it`);
  map.set(key, value);
}

async function collationsOf(connection) {
  const [columns] = await connection.query(
    "SELECT COUNT(*) AS n FROM information_schema.columns WHERE table_schema = 'information_schema' AND table_name = 'COLLATION_CHARACTER_SET_APPLICABILITY' AND column_name = 'ID'",
  );
  const [rows] =
    columns[0].n > 0
      ? await connection.query(
          'SELECT id, character_set_name AS charset FROM information_schema.collation_character_set_applicability ORDER BY 1',
        )
      : await connection.query(
          'SELECT id AS id, character_set_name AS charset FROM information_schema.collations ORDER BY 1',
        );
  return rows.map((row) => [Number(row.id ?? row.ID), row.charset]);
}

async function tablesOf(connection, charset) {
  const single = await codePoints(connection, charset, hexCode(2), 0, 256);
  const tables = { single };
  if (!single.includes(illFormed)) return tables;
  tables.double = await codePoints(connection, charset, hexCode(4), 0x8000, 0x8000);
  if (charset === 'ujis' || charset === 'eucjpms')
    tables.triple = await codePoints(connection, charset, hexCode(4, [threeByteLead]), 0x8000, 0x8000);
  if (charset === 'gb18030')
    tables.quadruple = await codePoints(connection, charset, fourByteCode, 0, fourByteCodes);
  // A byte that opens nothing is no character, whether the server calls it ill-formed or unmapped: MySQL and MariaDB differ.
  const opens = (byte) =>
    (tables.triple && byte === threeByteLead) ||
    tables.double.slice((byte & 0x7f) << 8, ((byte & 0x7f) + 1) << 8).some((point) => point !== illFormed);
  tables.single = single.map((point, byte) => (point === illFormed && !opens(byte) ? unmapped : point));
  return tables;
}

/** The code `n` of so many hex digits, behind the bytes of `prefix`. */
function hexCode(digits, prefix = []) {
  return `UNHEX(CONCAT('${Buffer.from(prefix).toString('hex')}', LPAD(HEX(n), ${digits}, '0')))`;
}

/** The code point of each of `count` codes from `first` on. */
async function codePoints(connection, charset, code, first, count) {
  const [rows] = await connection.query(
    `SELECT n, HEX(CONVERT(${code} USING ${charset})) AS kept, HEX(${code}) AS asked,
            HEX(CONVERT(CONVERT(CONVERT(${code} USING ${charset}) USING utf8mb4) USING utf32)) AS text
     FROM (SELECT ${first} + a.n * 256 + b.n AS n FROM ${numbers(Math.ceil(count / 256))} a JOIN ${numbers(256)} b
           WHERE a.n * 256 + b.n < ${count}) codes ORDER BY n`,
  );
  return rows.map(({ kept, asked, text }) => {
    if (kept !== asked) return illFormed;
    // MySQL answers NULL where it has no character; in a result set it shows '?'.
    if (text === null) return unmapped;
    if (text.length !== 8) return illFormed;
    const point = Number.parseInt(text, 16);
    // GB 18030 has a code for U+FFFF, where four bytes are never ill-formed.
    if (point > illFormed || (point === illFormed && code !== fourByteCode))
      throw new Error(`${charset} ${asked} is outside the tables: ${text}`);
    return point === 0x3f && asked !== '3F' ? unmapped : point;
  });
}

function numbers(count) {
  const sixteen = Array.from({ length: 16 }, (_, digit) => `SELECT ${digit} AS d`).join(' UNION ALL ');
  return `(SELECT a.d + b.d * 16 AS n FROM (${sixteen}) a JOIN (${sixteen}) b WHERE a.d + b.d * 16 < ${count})`;
}

function sourceText() {
  const tables = [...charsets]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, table]) =>
      property(name, packed(valuesOf(table), valuesOf(charsets.get(bases[name]) ?? {}))),
    );
  return `// Made by scripts/generate-charsets.mjs from what servers answer. Do not edit.

/**
 * Code points by byte: 256 for one byte, then, for charsets of more, 32768 for two bytes from 0x8000 on, then 32768
 * for two bytes from 0x8000 on behind 0x8F, or ${fourByteCodes} for GB 18030's four bytes from 0x81308130 on. 0: the
 * server has no character there and shows '?'. 0xFFFF: not a whole character. u16 little-endian, each the difference
 * to the one before, deflated, base64. Some are differences to another charset's table: see \`charsetBases\`.
 */
export const charsetTables: Readonly<Record<string, string>> = {
${tables.join('\n')}
};

/** Charsets whose table holds what is to be added to another's. */
export const charsetBases: Readonly<Record<string, string>> = ${JSON.stringify(bases)
    .replaceAll('"', "'")
    .replace(/'(\w+)':/g, ' $1: ')
    .replace('}', ' }')};

/** Collation ids by charset, as \`first-last\` or single ids. Both servers' ids together: they do not collide. */
export const collationRanges: Readonly<Record<string, string>> = {
${ranges().join('\n')}
};
`;
}

function valuesOf(table) {
  return Object.values(table).flat();
}

function packed(differing, base) {
  const values = differing.map((value, index) => value - (base[index] ?? 0));
  const bytes = Buffer.alloc(values.length * 2);
  let previous = 0;
  values.forEach((value, index) => {
    bytes.writeUInt16LE((value - previous) & 0xffff, index * 2);
    previous = value;
  });
  return deflateRawSync(bytes, { level: 9 }).toString('base64');
}

function ranges() {
  const byCharset = new Map();
  for (const [id, charset] of [...collations].sort(([a], [b]) => a - b)) {
    const list = byCharset.get(charset) ?? byCharset.set(charset, []).get(charset);
    const last = list.at(-1);
    if (last && last[1] === id - 1) last[1] = id;
    else list.push([id, id]);
  }
  return [...byCharset]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([charset, list]) => property(charset, list.map(([a, b]) => (a === b ? a : `${a}-${b}`)).join(',')));
}

/** As prettier lays it out, which breaks no line behind a key of up to four letters. */
function property(name, text) {
  const line = `  ${name}: '${text}',`;
  return line.length <= 110 || name.length < 5 ? line : `  ${name}:\n    '${text}',`;
}
