import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { charsetNameOf, charsetOf, type Charset } from '../../../store/src/source/charset.js';
import { charsetTables } from '../../../store/src/source/charset-tables.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

/** Codes to try: all of one byte, all of two that begin with one beyond ASCII, and of three those behind 0x8F. */
interface Codes {
  readonly charset: string;
  readonly bytes: number;
  readonly first: number;
  readonly count: number;
}

const unicode = ['utf16', 'utf16le', 'utf32', 'ucs2', 'utf8mb3', 'utf8mb4'];
const severalBytes = ['big5', 'cp932', 'eucjpms', 'euckr', 'gb18030', 'gb2312', 'gbk', 'sjis', 'ujis'];
const threeBytes = ['ujis', 'eucjpms'];
const codes: readonly Codes[] = [
  ...Object.keys(charsetTables).flatMap((charset): Codes[] => [
    { charset, bytes: 1, first: 0, count: 256 },
    ...(severalBytes.includes(charset) ? [{ charset, bytes: 2, first: 0x8000, count: 0x8000 }] : []),
    ...(threeBytes.includes(charset) ? [{ charset, bytes: 3, first: 0x8f_8000, count: 0x8000 }] : []),
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

const digits = Array.from({ length: 16 }, (_, digit) => `SELECT ${digit} AS d`).join(' UNION ALL ');
const makeNumbers = `CREATE DATABASE c; CREATE TABLE c.numbers (n INT PRIMARY KEY);
  INSERT INTO c.numbers SELECT a.d + 16 * b.d + 256 * c.d + 4096 * d.d
  FROM (${digits}) a JOIN (${digits}) b JOIN (${digits}) c JOIN (${digits}) d`;

onEachServer('Text of every charset becomes the UTF-8 that the server makes of it', (flavour) => {
  let server: DatabaseServer;
  let connection: Connection;
  beforeAll(async () => {
    server = await startServer(flavour);
    await server.query(makeNumbers);
    connection = await server.connect({ charset: 'utf8mb4' });
    await connection.query("SET sql_mode = '', sql_log_bin = 0");
  });
  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  /** Rows of bytes: text as the server shows it. */
  async function select(sql: string): Promise<(Buffer | null)[][]> {
    const [rows] = await connection.query<RowDataPacket[][]>({
      sql,
      rowsAsArray: true,
      typeCast: (field) => field.buffer(),
    });
    return rows as (Buffer | null)[][];
  }
  const charsets = async (): Promise<string[]> =>
    ((await server.query('SHOW CHARACTER SET')) as { Charset: string }[]).map((row) => row.Charset);
  const isThere = (charset: string): boolean => flavour === 'mysql' || charset !== 'gb18030';

  it.each(codes.filter(({ charset }) => isThere(charset)))(
    '$charset, codes of $bytes bytes',
    async ({ charset, bytes, first, count }) => {
      await connection.query('DROP TABLE IF EXISTS c.texts');
      await connection.query(
        `CREATE TABLE c.texts (n INT PRIMARY KEY, v VARCHAR(4) CHARACTER SET ${charset})`,
      );
      const code = `UNHEX(LPAD(HEX(${first} + n), ${bytes * 2}, '0'))`;
      await connection.query(`INSERT INTO c.texts SELECT n, ${code} FROM c.numbers WHERE n < ${count}`);
      const rows = await select(`SELECT ${code}, CAST(v AS BINARY), v FROM c.texts ORDER BY n`);
      expect(rows).toHaveLength(count);
      const wrong: string[] = [];
      for (const [asked, kept, shown] of rows) {
        // What the server does not take into a column of the charset cannot be in one.
        if (!kept!.equals(asked!)) continue;
        const mine = converted(charset, asked!);
        const questionMarks = shown!.filter((byte) => byte === 0x3f).length;
        if (!mine.text.equals(shown!))
          wrong.push(`${asked!.toString('hex')}: ${mine.text.toString('hex')} for ${shown!.toString('hex')}`);
        else if (mine.losses > questionMarks) wrong.push(`${asked!.toString('hex')}: ${mine.losses} losses`);
      }
      expect(wrong.slice(0, 20)).toEqual([]);
    },
  );

  it.each(['gb18030'].filter(isThere))('%s, every code of 4 bytes', async (charset) => {
    for (let lead = 0x81; lead <= 0xfe; lead++) {
      const codes = Buffer.alloc(12_600 * 4);
      for (let code = 0; code < 12_600; code++)
        codes.set(
          [lead, 0x30 + Math.floor(code / 1260), 0x81 + (Math.floor(code / 10) % 126), 0x30 + (code % 10)],
          code * 4,
        );
      const [row] = await select(`SELECT CONVERT(x'${codes.toString('hex')}' USING ${charset})`);
      const mine = converted(charset, codes).text;
      expect([lead.toString(16), mine.equals(row![0]!)]).toEqual([lead.toString(16), true]);
    }
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
      const [row] = await select(`SELECT CAST(${text} AS BINARY), ${text}`);
      const { text: mine, losses } = converted(charset, row![0]!);
      expect([first, mine.equals(row![1]!), losses]).toEqual([first, true, 0]);
    }
  });

  it('every collation of the server is known, with its charset', async () => {
    const rows = (await server.query(
      flavour === 'mariadb'
        ? 'SELECT id, character_set_name AS charset FROM information_schema.collation_character_set_applicability'
        : 'SELECT id AS id, character_set_name AS charset FROM information_schema.collations',
    )) as ({ id: number; charset: string } & RowDataPacket)[];
    expect(rows.length).toBeGreaterThan(flavour === 'mariadb' ? 300 : 250);
    for (const { id, charset } of rows) expect([id, charsetNameOf(id)]).toEqual([id, charset]);
  });

  it('there is a conversion for every charset of the server', async () => {
    const missing = (await charsets()).filter((name) => name !== 'binary' && !charsetOf(name));
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
    expect(converted('gb18030', Buffer.from('61843184', 'hex'))).toEqual({
      text: Buffer.from('a?1?'),
      losses: 2,
    });
    expect(converted('utf32', Buffer.from('00110000000000', 'hex')).losses).toBe(2);
  });
});
