import type { Column, Value } from '@drc/client-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachServer } from '../../support/on-each-server.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, int, remove, tableVersion, update } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';

interface Family {
  readonly sql: string;
  readonly column: Omit<Column, 'name' | 'nullable'>;
  /** No two alike, however little they differ. */
  readonly values: readonly Value[];
  /** How a value is read back as text. Default: `v`. */
  readonly read?: string;
  readonly expected?: (value: Value) => string;
  readonly only?: 'mariadb' | 'mysql';
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const bytes = { read: 'HEX(v)', expected: (value: Value) => (value as Buffer).toString('hex').toUpperCase() };
const float32 = (value: number): number => Math.fround(value);

const families: Record<string, Family> = {
  TINYINT: { sql: 'TINYINT', column: { type: 'int', length: 1 }, values: [-128, -1, 0, 127] },
  'INT UNSIGNED': { sql: 'INT UNSIGNED', column: { type: 'int', unsigned: true }, values: [0, 4294967295] },
  BIGINT: {
    sql: 'BIGINT',
    column: { type: 'bigint' },
    values: [-9223372036854775808n, 9007199254740992n, 9007199254740993n, 9223372036854775807n],
  },
  'BIGINT UNSIGNED': {
    sql: 'BIGINT UNSIGNED',
    column: { type: 'bigint', unsigned: true },
    values: [0n, 18446744073709551614n, 18446744073709551615n],
  },
  YEAR: {
    sql: 'YEAR',
    column: { type: 'year' },
    values: [0, 1901, 2026, 2155],
    read: 'v + 0',
  },
  'DECIMAL(65,30)': {
    sql: 'DECIMAL(65,30)',
    column: { type: 'decimal', precision: 65, scale: 30 },
    values: [
      '12345678901234567890123456789012345.123456789012345678901234567890',
      '12345678901234567890123456789012345.123456789012345678901234567891',
      '-0.000000000000000000000000000001',
    ],
  },
  FLOAT: {
    sql: 'FLOAT',
    column: { type: 'float' },
    values: [float32(0.1), float32(3.4028234e38), float32(-1.1754944e-38), 16777215],
    read: 'v + 0e0',
    expected: String,
  },
  DOUBLE: {
    sql: 'DOUBLE',
    column: { type: 'double' },
    values: [0.1, 0.1 + 2 ** -56, 1.7976931348623157e308, 5e-324],
    expected: String,
  },
  DATE: {
    sql: 'DATE',
    column: { type: 'date' },
    values: ['0000-00-00', '2020-00-10', '2021-02-30', '9999-12-31'],
  },
  'DATETIME(6)': {
    sql: 'DATETIME(6)',
    column: { type: 'datetime', scale: 6 },
    values: ['0000-00-00 00:00:00.000000', '2021-02-30 10:00:00.123456', '2021-02-30 10:00:00.123457'],
  },
  'TIMESTAMP(6)': {
    sql: 'TIMESTAMP(6) NULL',
    column: { type: 'timestamp', scale: 6 },
    values: [
      '0000-00-00 00:00:00.000000',
      '1970-01-01 00:00:01.000000',
      // An hour that some zones have twice.
      '2026-10-25 00:30:00.000000',
      '2026-10-25 01:30:00.000000',
      '2038-01-19 03:14:07.999999',
    ],
  },
  'TIME(3)': {
    sql: 'TIME(3)',
    column: { type: 'time', scale: 3 },
    values: ['-838:59:59.000', '-00:00:00.001', '00:00:00.000', '838:59:59.000'],
  },
  'BIT(10)': {
    sql: 'BIT(10)',
    column: { type: 'bit', length: 10 },
    values: [hex('0000'), hex('0031'), hex('03ff')],
    read: 'v + 0',
    expected: (value) => String((value as Buffer).readUInt16BE()),
  },
  'BIT(64)': {
    sql: 'BIT(64)',
    column: { type: 'bit', length: 64 },
    values: [hex('fffffffffffffffe'), hex('ffffffffffffffff')],
    read: 'v + 0',
    expected: (value) => (value as Buffer).readBigUInt64BE().toString(),
  },
  VARCHAR: {
    sql: 'VARCHAR(40) COLLATE utf8mb4_general_ci',
    column: { type: 'text', length: 160 },
    values: ['a', 'A', 'a ', 'ä', '', '😀 ’"`\\\0\u001a', "O'Brien"],
  },
  'CHAR in latin1': {
    sql: 'CHAR(10) CHARACTER SET latin1',
    column: { type: 'text', length: 10, fixed: true },
    values: ['é', 'e', 'ß'],
  },
  'TEXT in gbk': { sql: 'TEXT CHARACTER SET gbk', column: { type: 'text' }, values: ['汉字', '漢字'] },
  'BINARY(4)': {
    sql: 'BINARY(4)',
    column: { type: 'bytes', length: 4, fixed: true },
    values: [hex('ff000000'), hex('ff000100'), hex('00000000')],
    ...bytes,
  },
  VARBINARY: {
    sql: 'VARBINARY(10)',
    column: { type: 'bytes', length: 10 },
    values: [hex(''), hex('00'), hex('0000'), hex('fffe80'), hex('275c00')],
    ...bytes,
  },
  LONGBLOB: {
    sql: 'LONGBLOB',
    column: { type: 'bytes' },
    values: [hex('c3'), hex('f09f9880'), hex('ffff')],
    ...bytes,
  },
  ENUM: {
    sql: "ENUM('x','B','1','a,b')",
    column: { type: 'enum', labels: ['x', 'B', '1', 'a,b'] },
    values: ['x', 'B', '1', 'a,b', ''],
  },
  SET: {
    sql: "SET('a','b','c')",
    column: { type: 'set', labels: ['a', 'b', 'c'] },
    values: ['', 'a', 'a,c', 'a,b,c'],
  },
  JSON: {
    sql: 'JSON',
    column: { type: 'json' },
    values: ['{"a": 1, "b": "ü😀"}', '{"a": 2, "b": "ü😀"}', '[1, 2, {"c": null}]', '"text"'],
    read: 'CAST(v AS CHAR)',
  },
  GEOMETRY: {
    sql: 'GEOMETRY',
    column: { type: 'geometry' },
    values: [
      hex('000000000101000000000000000000f03f0000000000000040'),
      hex('000000000101000000000000000000f03f0000000000000840'),
    ],
    ...bytes,
  },
  VECTOR: {
    sql: 'VECTOR(2)',
    column: { type: 'vector' },
    values: [Float32Array.of(0, 1.5), Float32Array.of(-0, 1.5), Float32Array.of(0)],
    read: 'HEX(v)',
    expected: (value) => {
      const { buffer, byteOffset, byteLength } = value as Float32Array;
      return Buffer.from(buffer, byteOffset, byteLength).toString('hex').toUpperCase();
    },
    only: 'mysql',
  },
  UUID: {
    sql: 'UUID',
    column: { type: 'uuid' },
    values: ['123e4567-e89b-12d3-a456-426655440000', '123e4567-e89b-12d3-a456-426655440001'],
    only: 'mariadb',
  },
  INET6: {
    sql: 'INET6',
    column: { type: 'inet6' },
    values: ['::', '2001:db8::ff00:42:8329'],
    only: 'mariadb',
  },
  INET4: { sql: 'INET4', column: { type: 'inet4' }, values: ['0.0.0.0', '192.168.0.1'], only: 'mariadb' },
};

onEachServer('A value of each type', (flavour) => {
  const tested = Object.entries(families).filter(([, { only }]) => only === undefined || only === flavour);
  let target: TestTarget;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
  });
  afterAll(async () => {
    await target[Symbol.asyncDispose]();
  });

  it.each(tested)('arrives as it was, and finds its own row and no other: %s', async (_, family) => {
    const { values, read = 'v', expected = String } = family;
    await target.reset(
      `CREATE TABLE t (id INT PRIMARY KEY, v ${family.sql})`,
      `CREATE TABLE bare (v ${family.sql}, n INT NOT NULL)`,
    );
    const v: Column = { name: 'v', nullable: true, ...family.column };
    const keyed = tableVersion('shop.t', [int('id'), v]);
    const bare = tableVersion('shop.bare', [v, int('n')], []);
    const shown = (value: Value): string | null => (value === null ? null : expected(value));
    const bareRows = async (): Promise<unknown[]> =>
      (await target.rows(`SELECT ${read} AS v, n FROM bare ORDER BY n`)).map(({ v: text, n }) => [
        text === null ? null : String(text),
        n,
      ]);

    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    const all: Value[] = [null, ...values];
    await task.applied(topic.append(all.map((value, id) => insert(keyed, { id, v: value }))), target);
    const stored = await target.rows(`SELECT ${read} AS v FROM t ORDER BY id`);
    expect(stored.map(({ v: text }) => (text === null ? null : String(text)))).toEqual(all.map(shown));

    // Each row twice: one of two equal rows is changed, one of what is left is removed.
    const twice = [...all, ...all];
    await task.applied(topic.append(twice.map((value) => insert(bare, { v: value, n: 0 }))), target);
    await task.applied(
      topic.append(all.map((value, n) => update(bare, { v: value, n: 0 }, { v: value, n: n + 1 }))),
      target,
    );
    await task.applied(topic.append(all.map((value) => remove(bare, { v: value, n: 0 }))), target);
    expect(await bareRows()).toEqual(all.map((value, n) => [shown(value), n + 1]));
  });

  it.each(tested)('finds its row as a primary key: %s', async (name, family) => {
    if (['JSON', 'GEOMETRY', 'VECTOR', 'LONGBLOB', 'TEXT in gbk'].includes(name)) return;
    const v: Column = { name: 'v', nullable: false, ...family.column };
    // A key of text is compared as the collation has it: only a binary one tells 'a' from 'A'.
    const sql = family.sql
      .replace('utf8mb4_general_ci', 'utf8mb4_bin')
      .replace('SET latin1', 'SET latin1 COLLATE latin1_bin')
      .replace(' NULL', '');
    const values = name === 'VARCHAR' ? family.values.filter((value) => value !== 'a ') : family.values;
    const zeroDefault = name.startsWith('TIMESTAMP') ? ' DEFAULT CURRENT_TIMESTAMP(6)' : '';
    await target.reset(`CREATE TABLE t (v ${sql} NOT NULL${zeroDefault}, n INT NOT NULL, PRIMARY KEY (v))`);
    const keyed = tableVersion('shop.t', [v, int('n')]);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    topic.append(values.map((value, n) => insert(keyed, { v: value, n })));
    topic.append(values.map((value, n) => update(keyed, { v: value, n }, { v: value, n: n + 100 })));
    await task.applied(
      topic.append(values.slice(1).map((value, n) => remove(keyed, { v: value, n: n + 101 }))),
      target,
    );
    expect((await target.rows('SELECT n FROM t')).map(({ n }) => n)).toEqual([100]);
  });
});
