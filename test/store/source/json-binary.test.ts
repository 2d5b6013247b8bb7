import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { isDrcError } from '@drc/protocol';
import { ByteWriter } from '../../../store/src/source/byte-writer.js';
import { JsonWriter } from '../../../store/src/source/json-binary.js';
import { startMysql, type DatabaseServer } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';
import { binlogOf, currentBinlog, decodeBinlog } from './binlog-rows.js';
import {
  inPlaceUpdates,
  jsonCases,
  opaqueRow,
  opaqueTable,
  randomDocument,
  randomDouble,
  type ZongjiFault,
} from './json-cases.js';
import { Random } from './random-tables.js';
import { connectPlainly, zongjiRows } from './server-rows.js';

const seed = Number(process.env['DRC_SEED'] ?? Math.floor(Math.random() * 1e9));
const documents = Number(process.env['DRC_RANDOM_DOCUMENTS'] ?? 300);
const mysqlOptions = () => ({ flavour: 'mysql' }) as const;

onServer('mysql', 'Binary JSON reads as the text that the server prints', () => {
  let server: DatabaseServer;
  let connection: Connection;
  beforeAll(async () => {
    server = await startMysql();
    connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE j');
    await connection.query(opaqueTable);
    await connection.query(opaqueRow);
  });
  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  async function shown(table: string): Promise<(string | null)[]> {
    const [rows] = await connection.query<RowDataPacket[][]>({
      sql: `SELECT v FROM ${table} ORDER BY id`,
      rowsAsArray: true,
      typeCast: (field) => field.buffer(),
    });
    return rows.map(([v]) => (v as Buffer | null)?.toString('utf8') ?? null);
  }

  /** The last image of each row event, by the table's `id`. */
  const texts = (binlog: Buffer, table: string, kinds: readonly string[] = ['insert']): unknown[] =>
    decodeBinlog(binlog, mysqlOptions)
      .filter(({ version, kind }) => version.table === table && kinds.includes(kind))
      .flatMap(({ images }) => images.map((image) => image.at(-1)));

  it('for every kind of value, and zongji says where it does not', async () => {
    const tables = ['cases', 'refused'];
    const of = (table: string) =>
      jsonCases.filter(({ zongji }) => (zongji === 'refuses') === (table === 'refused'));
    let file = '';
    const binlog = await binlogOf(server, async () => {
      file = await currentBinlog(server);
      for (const table of tables) {
        await connection.query(`CREATE TABLE j.${table} (id INT PRIMARY KEY, v JSON)`);
        for (const [id, { sql }] of of(table).entries())
          await connection.query(`INSERT INTO j.${table} VALUES (${id}, ${sql})`);
      }
      await connection.query('CREATE TABLE j.last (id INT)');
      await connection.query('INSERT INTO j.last VALUES (1)');
    });
    for (const table of tables) {
      const mine = texts(binlog, table);
      const theirs = await shown(`j.${table}`);
      for (const [id, { sql }] of of(table).entries()) expect(mine[id], sql.slice(0, 200)).toBe(theirs[id]);
    }
    const theirs = await shown('j.cases');
    const zongji = (await zongjiRows(server, basename(file), 'last', { j: ['refused'] })).get('cases')!;
    for (const [id, { sql, zongji: fault }] of of('cases').entries()) {
      const [expected, value] = [theirs[id]!, zongji[id]!['v'] as string].map((text) =>
        comparable(text, fault),
      );
      expect(value, sql.slice(0, 200)).toBe(expected);
    }
  });

  it(`for random documents (DRC_SEED=${seed} replays them)`, async () => {
    const random = new Random(seed);
    const binlog = await binlogOf(server, async () => {
      await connection.query('CREATE TABLE j.random (id INT PRIMARY KEY, v JSON)');
      for (let id = 0; id < documents; id++)
        await connection.query(`INSERT INTO j.random VALUES (${id}, ${randomDocument(random)})`);
    });
    const mine = texts(binlog, 'random');
    for (const [id, text] of (await shown('j.random')).entries()) expect(mine[id], `row ${id}`).toBe(text);
    expect(mine).toHaveLength(documents);
  });

  it(`for random numbers (DRC_SEED=${seed} replays them)`, async () => {
    const random = new Random(seed);
    const list = (next: () => string): string => Array.from({ length: 5000 }, next).join(',');
    const binlog = await binlogOf(server, async () => {
      await connection.query('CREATE TABLE j.numbers (id INT PRIMARY KEY, v JSON)');
      await connection.query(`INSERT INTO j.numbers VALUES
        (0, '[${list(() => randomDouble(random).toExponential())}]'),
        (1, '[${list(() => (random.integer(-(2 ** 31), 2 ** 31) / 10 ** random.integer(0, 20)).toExponential())}]'),
        (2, '[${list(() => BigInt.asIntN(64, BigInt(`0x${random.hex(8)}`)).toString())}]')`);
    });
    const mine = texts(binlog, 'numbers') as string[];
    for (const [id, text] of (await shown('j.numbers')).entries())
      expect(mine[id]!.split(', ')).toEqual(text!.split(', '));
  });

  it('for documents changed in their place, which have holes', async () => {
    const rows = [
      `JSON_OBJECT('a', JSON_ARRAY('one', 1, 'three'), 'd', 2.5e0, 'n', 70000, 'o', JSON_OBJECT('x', 1, 'y', 'z'), 's', REPEAT('s', 40))`,
      `JSON_OBJECT('a', JSON_ARRAY('one', 1, 'three'), 'd', 1.50, 'n', 1, 'o', JSON_OBJECT('x', 'long enough'), 's', REPEAT('s', 70000))`,
    ];
    await connection.query('CREATE TABLE j.changed (id INT PRIMARY KEY, v JSON)');
    await connection.query(
      `INSERT INTO j.changed VALUES ${rows.map((row, id) => `(${id}, ${row})`).join(', ')}`,
    );
    let before = await shown('j.changed');
    for (const assignment of inPlaceUpdates) {
      const binlog = await binlogOf(server, () => connection.query(`UPDATE j.changed SET ${assignment}`));
      const after = await shown('j.changed');
      const images = texts(binlog, 'changed', ['update']);
      expect(images, assignment).toEqual([before[0], after[0], before[1], after[1]]);
      before = after;
    }
  });

  it('as NULL, as the document null, and as null where a lenient mode made nothing of NULL', async () => {
    const binlog = await binlogOf(server, async () => {
      await connection.query('CREATE TABLE j.nulls (id INT PRIMARY KEY, v JSON)');
      await connection.query(`INSERT INTO j.nulls VALUES (1, NULL), (2, 'null')`);
      await connection.query('CREATE TABLE j.empty (id INT PRIMARY KEY, v JSON NOT NULL)');
      await connection.query('INSERT IGNORE INTO j.empty VALUES (1, NULL)');
      await connection.query(`INSERT INTO j.empty VALUES (2, 'null'), (3, NULL)`);
    });
    expect(texts(binlog, 'nulls')).toEqual([null, 'null']);
    expect(texts(binlog, 'empty')).toEqual(['null', 'null', 'null']);
    expect(await shown('j.nulls')).toEqual([null, 'null']);
    expect(await shown('j.empty')).toEqual(['null', 'null', 'null']);
  });
});

/** Both sides without what zongji is known to print otherwise. */
function comparable(text: string, fault: ZongjiFault | undefined): string {
  switch (fault) {
    case 'double':
      return JSON.stringify(JSON.parse(text));
    case 'decimal':
      return text.replaceAll(/"(-?[\d.]+)"/g, '$1');
    case 'base64':
      return text.replaceAll('\\n', '');
    case 'text':
      return '';
    default:
      return text;
  }
}

describe('Binary JSON that is damaged', () => {
  const write = (bytes: Buffer, from = 0, end = bytes.length): Buffer => {
    const out = new ByteWriter();
    new JsonWriter().write(bytes, from, end, out);
    return out.take();
  };
  const outcome = (bytes: Buffer, end = bytes.length): string => {
    try {
      return write(bytes, 0, end).toString('latin1');
    } catch (error) {
      if (!isDrcError(error, 'EVENT_MALFORMED')) throw error;
      return error.code;
    }
  };
  /** A small array or object of values that do not stand in their entries. */
  const container = (values: readonly (readonly [number, Buffer])[], keys?: readonly string[]): Buffer => {
    const names = Buffer.from(keys?.join('') ?? '');
    const data = 4 + values.length * (keys ? 7 : 3);
    const head = Buffer.alloc(data);
    head.writeUInt16LE(values.length, 0);
    let offset = data;
    keys?.forEach((key, index) => {
      head.writeUInt16LE(offset, 4 + index * 4);
      head.writeUInt16LE(key.length, 6 + index * 4);
      offset += key.length;
    });
    values.forEach(([type, bytes], index) => {
      const entry = data - (values.length - index) * 3;
      head[entry] = type;
      head.writeUInt16LE(offset, entry + 1);
      offset += bytes.length;
    });
    head.writeUInt16LE(offset, 2);
    return Buffer.concat([head, names, ...values.map(([, bytes]) => bytes)]);
  };
  const object = Buffer.from([0]);
  const array = Buffer.from([2]);
  const empty = container([]);
  const nested = (depth: number): Buffer => {
    let inner = empty;
    for (let level = 1; level < depth; level++) inner = container([[2, inner]]);
    return Buffer.concat([array, inner]);
  };

  it('is read to 100 levels and no further', () => {
    expect(outcome(nested(100))).toContain('['.repeat(100));
    expect(outcome(nested(101))).toBe('EVENT_MALFORMED');
  });

  it('does not grow by offsets that lead to one place', () => {
    // Ten arrays within one another, each ten times the next: 10^10 values if each were written.
    let inner = empty;
    for (let level = 0; level < 10; level++) {
      const one = container([[2, inner], ...Array.from({ length: 9 }, () => [2, Buffer.alloc(0)] as const)]);
      for (let index = 1; index < 10; index++) one.writeUInt16LE(34, 5 + index * 3);
      inner = one;
    }
    expect(outcome(Buffer.concat([array, inner]))).toBe('EVENT_MALFORMED');
  });

  it.each([
    ['an unknown type', '0d00'],
    ['an unknown literal', '0403'],
    ['a number cut short', '090102'],
    ['a number that is none', '0b000000000000f07f'],
    ['a string beyond the end', '0c0461'],
    ['a length of six bytes', '0c808080808001'],
    ['a DECIMAL of another size', '0ff6030a0280'],
    ['a DECIMAL of no digits', '0ff602000080'],
    ['a date beyond the calendar', '0f0a08ffffffffffffff7f'],
    ['a date of seven bytes', '0f0a0700000000000000'],
    ['a container larger than its bytes', '0200000500'],
    ['a container smaller than its entries', '0203000400'],
    ['an offset into the entries', '02010009000c0400016100'],
    ['an offset beyond the container', '02010008000cff000161'],
    ['a key beyond the container', '000100'.concat('0c000b0005000400006b')],
  ])('%s is EVENT_MALFORMED', (_, hex) => {
    expect(outcome(Buffer.from(hex, 'hex'))).toBe('EVENT_MALFORMED');
  });

  it(`reads nothing beyond its end, and ends (DRC_SEED=${seed} replays it)`, () => {
    const random = new Random(seed);
    const document = Buffer.concat([
      object,
      container(
        [
          [12, Buffer.from('\x03a"b', 'latin1')],
          [15, Buffer.from('f6040402e301', 'hex')],
          [
            2,
            container([
              [11, Buffer.alloc(8, 1)],
              [15, Buffer.from('0b080000000000000000', 'hex')],
            ]),
          ],
        ],
        ['k', 'l', 'mm'],
      ),
    ]);
    expect(outcome(document)).toBe(
      '\xd9L{"k": "a\\"b", "l": 99.01, "mm": [7.748604185489348e-304, "00:00:00.000000"]}',
    );
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.concat([document, Buffer.from(random.hex(40), 'hex')]);
      for (let change = random.integer(1, 4); change > 0; change--)
        bytes[random.integer(0, bytes.length - 1)] = random.one([0, 1, 2, 3, 12, 15, 0x7f, 0x80, 0xff]);
      const end = random.integer(0, bytes.length);
      const first = outcome(bytes, end);
      const behind = Buffer.concat([bytes.subarray(0, end), Buffer.alloc(100, 0xff)]);
      expect(outcome(behind, end)).toBe(first);
    }
  });
});
