import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { charsetNameOf, charsetOf, type Charset } from '../../../store/src/source/charset.js';
import { charsetTables } from '../../../store/src/source/charset-tables.js';
import { startMariadb, type MariadbServer } from '../../support/mariadb.js';

/** Bytes to try: every code of one and two bytes, every code of three behind 0x8F, and code points for Unicode. */
interface Codes {
  readonly charset: string;
  readonly bytes: number;
  readonly first: number;
  readonly count: number;
}

const unicode = ['utf16', 'utf16le', 'utf32', 'ucs2', 'utf8mb3', 'utf8mb4'];
const severalBytes = ['big5', 'cp932', 'eucjpms', 'euckr', 'gb2312', 'gbk', 'sjis', 'ujis'];
const threeBytes = ['ujis', 'eucjpms'];
const codes: readonly Codes[] = [
  ...Object.keys(charsetTables).flatMap((charset): Codes[] => [
    { charset, bytes: 1, first: 0, count: 256 },
    ...(severalBytes.includes(charset) ? [{ charset, bytes: 2, first: 0, count: 65_536 }] : []),
    ...(threeBytes.includes(charset) ? [{ charset, bytes: 3, first: 0x8f_0000, count: 65_536 }] : []),
  ]),
  { charset: 'ucs2', bytes: 2, first: 0, count: 65_536 },
  { charset: 'utf16', bytes: 2, first: 0, count: 65_536 },
  { charset: 'utf16le', bytes: 2, first: 0, count: 65_536 },
];

const conversions = new Map<string, Charset>();
const converted = (charset: string, bytes: Buffer): { text: Buffer; losses: number } => {
  const found = conversions.get(charset) ?? charsetOf(charset)!;
  conversions.set(charset, found);
  const out = Buffer.alloc(bytes.length * found.growth + 8);
  const losses = { count: 0 };
  const length = found.convert(bytes, 0, bytes.length, out, 0, losses);
  if (length > bytes.length * found.growth) throw new Error(`${charset} grows by more than ${found.growth}`);
  return { text: out.subarray(0, length), losses: losses.count };
};

const numbers = (count: number): string =>
  `(SELECT a.seq * 256 + b.seq AS n FROM mysql.seq_0_to_255 a JOIN mysql.seq_0_to_255 b WHERE a.seq * 256 + b.seq < ${count})`;

describe('Text of every charset becomes the UTF-8 that the server makes of it', () => {
  let server: MariadbServer;
  let connection: Connection;
  beforeAll(async () => {
    server = await startMariadb();
    connection = await server.connect();
  });
  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  it.each(codes)('$charset, codes of $bytes bytes', async ({ charset, bytes, first, count }) => {
    const code = `UNHEX(LPAD(HEX(${first} + n), ${bytes * 2}, '0'))`;
    const rows = (await server.query(
      `SELECT ${code} AS code,
              CAST(CONVERT(${code} USING ${charset}) AS BINARY) AS kept,
              CAST(CONVERT(CONVERT(${code} USING ${charset}) USING utf8mb4) AS BINARY) AS text
       FROM ${numbers(count)} numbers ORDER BY n`,
    )) as { code: Buffer; kept: Buffer; text: Buffer }[];
    expect(rows).toHaveLength(count);
    const wrong: string[] = [];
    for (const row of rows) {
      // What the server itself does not take into a column of the charset cannot be in one.
      if (!row.kept.equals(row.code)) continue;
      const { text, losses } = converted(charset, row.code);
      const questionMarks = row.text.filter((byte) => byte === 0x3f).length;
      if (!text.equals(row.text))
        wrong.push(`${row.code.toString('hex')}: ${text.toString('hex')} for ${row.text.toString('hex')}`);
      else if (losses > questionMarks) wrong.push(`${row.code.toString('hex')}: ${losses} losses`);
    }
    expect(wrong).toEqual([]);
  });

  it.each(unicode)('%s, every code point', async (charset) => {
    const beyond = charset === 'ucs2' || charset === 'utf8mb3' ? 0x1_0000 : 0x11_0000;
    const block = 0x800;
    for (let first = 0; first < beyond; first += block) {
      // Surrogates are no characters; ucs2 takes them, which the codes of two bytes show.
      if (first === 0xd800) continue;
      const points = Buffer.alloc(block * 4);
      for (let index = 0; index < block; index++) points.writeUInt32BE(first + index, index * 4);
      const text = `CONVERT(CONVERT(x'${points.toString('hex')}' USING utf32) USING ${charset})`;
      const [rows] = await connection.query(
        `SELECT CAST(${text} AS BINARY) AS code, CAST(CONVERT(${text} USING utf8mb4) AS BINARY) AS text`,
      );
      const [row] = rows as { code: Buffer; text: Buffer }[];
      const { text: mine, losses } = converted(charset, row!.code);
      expect([first, mine.equals(row!.text), losses]).toEqual([first, true, 0]);
    }
  });

  it('every collation of the server is known, with its charset', async () => {
    const rows = (await server.query(
      'SELECT id, character_set_name AS charset FROM information_schema.collation_character_set_applicability',
    )) as ({ id: number; charset: string } & RowDataPacket)[];
    expect(rows.length).toBeGreaterThan(300);
    for (const { id, charset } of rows) expect([id, charsetNameOf(id)]).toEqual([id, charset]);
  });

  it('there is a conversion for every charset of the server', async () => {
    const rows = (await server.query('SHOW CHARACTER SET')) as { Charset: string }[];
    const missing = rows.map((row) => row.Charset).filter((name) => name !== 'binary' && !charsetOf(name));
    expect(missing).toEqual([]);
  });
});

describe('Bytes that are not text', () => {
  it('give a question mark each, counted, and the rest goes on', () => {
    expect(converted('sjis', Buffer.from('61ff8120', 'hex'))).toEqual({
      text: Buffer.from('a?? '),
      losses: 2,
    });
    expect(converted('ascii', Buffer.from('61ff', 'hex'))).toEqual({ text: Buffer.from('a?'), losses: 1 });
    expect(converted('ujis', Buffer.from('8fa1', 'hex'))).toEqual({ text: Buffer.from('??'), losses: 2 });
    expect(converted('utf16', Buffer.from('0061d800006200', 'hex'))).toEqual({
      text: Buffer.from('a?b?'),
      losses: 2,
    });
    expect(converted('utf32', Buffer.from('00110000000000', 'hex')).losses).toBe(2);
  });
});
