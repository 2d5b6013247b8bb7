import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { DescribedColumn, Hub, Row, TableDescription } from '@drc/client-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { valueTypeOf } from '../../cli/src/row-types.js';
import { TestHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import type { Flavour } from '../support/database-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { runCommand, type Finished } from './support/command.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A column: what it is in SQL, a value that is not NULL, its message type, and its type in TypeScript. */
type Sample = readonly [sql: string, value: string, described: Partial<DescribedColumn>, type: string];

const labels = ['small', 'b,c', "it's", '"quoted"', 'back\\slash', 'two\nlines', 'ü'];
const enumSql = `ENUM('small', 'b,c', 'it''s', '"quoted"', 'back\\\\slash', 'two\\nlines', 'ü')`;
const enumType = String.raw`'small' | 'b,c' | 'it\'s' | '"quoted"' | 'back\\slash' | 'two\nlines' | 'ü' | ''`;

const samples: Readonly<Record<string, Sample>> = {
  c_tinyint: ['TINYINT', '-1', { type: 'int' }, 'number'],
  c_bool: ['BOOLEAN', 'TRUE', { type: 'int' }, 'number'],
  c_smallint: ['SMALLINT UNSIGNED', '65535', { type: 'int', unsigned: true }, 'number'],
  c_mediumint: ['MEDIUMINT', '-8388608', { type: 'int' }, 'number'],
  c_int: ['INT UNSIGNED ZEROFILL', '7', { type: 'int', unsigned: true }, 'number'],
  c_bigint: ['BIGINT', '7', { type: 'bigint' }, 'bigint'],
  c_ubigint: ['BIGINT UNSIGNED', '18446744073709551615', { type: 'bigint', unsigned: true }, 'bigint'],
  c_decimal: ['DECIMAL(20,4) UNSIGNED', '1.5', { type: 'decimal', unsigned: true }, 'string'],
  c_float: ['FLOAT', '0.5', { type: 'float' }, 'number'],
  c_double: ['DOUBLE', '1', { type: 'double' }, 'number'],
  c_year: ['YEAR', '2026', { type: 'year' }, 'number'],
  c_date: ['DATE', "'2026-11-22'", { type: 'date' }, 'string'],
  c_datetime: ['DATETIME(3)', "'2026-11-22 08:09:10.123'", { type: 'datetime' }, 'string'],
  c_timestamp: ['TIMESTAMP(6) NULL', "'2026-11-22 08:09:10'", { type: 'timestamp' }, 'string'],
  c_time: ['TIME(2)', "'-838:59:59'", { type: 'time' }, 'string'],
  c_char: ['CHAR(5)', "'7'", { type: 'text' }, 'string'],
  c_varchar: ['VARCHAR(20) CHARACTER SET latin1', "'é'", { type: 'text' }, 'string'],
  c_tinytext: ['TINYTEXT', "'1'", { type: 'text' }, 'string'],
  c_text: ['TEXT', "'1'", { type: 'text' }, 'string'],
  c_longtext: ['LONGTEXT', "'1'", { type: 'text' }, 'string'],
  c_binary: ['BINARY(16)', "'1'", { type: 'bytes' }, 'Buffer'],
  c_varbinary: ['VARBINARY(8)', "'1'", { type: 'bytes' }, 'Buffer'],
  c_blob: ['BLOB', "'1'", { type: 'bytes' }, 'Buffer'],
  c_bit: ['BIT(9)', "b'1'", { type: 'bit' }, 'Buffer'],
  c_enum: [enumSql, "'it''s'", { type: 'enum', labels }, enumType],
  c_set: ["SET('a', 'b', 'c''d')", "'a,b'", { type: 'set', labels: ['a', 'b', "c'd"] }, 'string'],
  c_json: ['JSON', "'[1]'", { type: 'json' }, 'string'],
  c_geometry: ['GEOMETRY', "ST_GeomFromText('POINT(1 2)')", { type: 'geometry' }, 'Buffer'],
  c_polygon: ['MULTIPOINT', "ST_GeomFromText('MULTIPOINT(1 2)')", { type: 'geometry' }, 'Buffer'],
  c_needed: ['BIGINT NOT NULL', '8', { type: 'bigint', nullable: false }, 'bigint'],
  default: ['INT', '1', { type: 'int' }, 'number'],
  constructor: ['INT', '1', { type: 'int' }, 'number'] as const,
  __proto__x: ['INT', '1', { type: 'int' }, 'number'],
  'odd name': ['INT', '1', { type: 'int' }, 'number'],
  "it's": ['INT', '1', { type: 'int' }, 'number'],
};
const ownSamples: Readonly<Record<Flavour, Readonly<Record<string, Sample>>>> = {
  mariadb: {
    c_uuid: ['UUID', "'123e4567-e89b-12d3-a456-426655440000'", { type: 'uuid' }, 'string'],
    c_inet4: ['INET4', "'192.168.0.1'", { type: 'inet4' }, 'string'],
    c_inet6: ['INET6', "'::1'", { type: 'inet6' }, 'string'],
  },
  mysql: { c_vector: ['VECTOR(3)', "TO_VECTOR('[1, 2, 3]')", { type: 'vector' }, 'Float32Array'] },
};

/** What `typeof`, or the class, of a value that is not NULL has to be. */
const isOf: Readonly<Record<string, (value: unknown) => boolean>> = {
  number: (value) => typeof value === 'number',
  bigint: (value) => typeof value === 'bigint',
  string: (value) => typeof value === 'string',
  Buffer: (value) => Buffer.isBuffer(value),
  Float32Array: (value) => value instanceof Float32Array,
};

onEachServer('the types of rows', (flavour) => {
  const all = Object.entries({ ...samples, ...ownSamples[flavour] });
  let hub: TestHub;
  let client: Hub;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    hub = await TestHub.start({ flavour });
    folder = await temporaryFolder('codegen');
    const columns = all.map(([name, [sql]]) => `\`${name}\` ${sql}`).join(', ');
    const create = `(id INT NOT NULL, ${columns}, part INT NOT NULL, PRIMARY KEY (part, id))`;
    await hub.source.query(`
      CREATE DATABASE types;
      CREATE TABLE types.written ${create};
      CREATE TABLE types.unwritten ${create};
      CREATE TABLE types.\`a-b\` (id INT PRIMARY KEY);
      CREATE VIEW types.view AS SELECT 1 AS one`);
    await hub.source.query(`
      INSERT INTO types.written (id, part, ${all.map(([name]) => `\`${name}\``).join(', ')})
      VALUES (1, 2, ${all.map(([, [, value]]) => value).join(', ')})`);
    await hub.source.query(`INSERT INTO types.written (id, part, c_needed) VALUES (2, 2, 1)`);
    await hub.source.query(
      "SET sql_mode = ''; UPDATE types.written SET c_enum = 'no label' WHERE id = 2; SET sql_mode = DEFAULT",
    );
    await hub.caughtUp();
    client = await hub.connect();
  });

  afterAll(async () => {
    await folder?.[Symbol.asyncDispose]();
    await hub?.[Symbol.asyncDispose]();
  });

  const codegen = (...args: string[]): Promise<Finished> =>
    runCommand(['codegen', 'shop', '--manager', hub.managerUrl, ...args], {
      cwd: folder.path,
      env: { DRC_MACHINE_KEY: hub.clientKey },
    });

  const tableOf = (name: string, tables: readonly TableDescription[]): TableDescription =>
    tables.find(({ schema, table }) => `${schema}.${table}` === name)!;

  it('are told of each column, the same by the source as by the log', async () => {
    const { tables, missing } = await client.describe('shop', { tables: ['types.*'] });
    expect(missing).toBe(0);
    expect(tables.map(({ table, unwritten }) => [table, unwritten])).toEqual([
      ['a-b', true],
      ['unwritten', true],
      ['written', false],
    ]);
    const expected = [
      { name: 'id', type: 'int', nullable: false, key: 2 },
      ...all.map(([name, [, , described]]) => ({ name, nullable: true, ...described })),
      { name: 'part', type: 'int', nullable: false, key: 1 },
    ];
    expect(tableOf('types.written', tables).columns).toMatchObject(expected);
    expect(tableOf('types.unwritten', tables).columns).toEqual(tableOf('types.written', tables).columns);
  });

  it('are those of the values that arrive', async () => {
    const { tables } = await client.describe('shop', { tables: ['types.written'] });
    const { columns } = tableOf('types.written', tables);
    await using subscription = client.subscribe('shop', { from: 'earliest', tables: ['types.written'] });
    const rows: Row[] = [];
    for await (const tx of subscription) {
      for await (const change of tx.changes) if ('after' in change) rows.push(change.after);
      if (rows.length === 3) break;
    }
    const [full, sparse, wrong] = rows as [Row, Row, Row];
    for (const column of columns) {
      const type = valueTypeOf(column);
      const check = isOf[type] ?? isOf['string']!;
      expect([column.name, type, check(full[column.name])]).toEqual([column.name, type, true]);
      if (column.nullable) expect([column.name, sparse[column.name]]).toEqual([column.name, null]);
    }
    expect(wrong['c_enum']).toBe('');
    expect(Object.keys(full)).toEqual(columns.map(({ name }) => name));
  });

  it('make a module that compiles and types the loop', { timeout: 300_000 }, async () => {
    const { code, stderr, stdout } = await codegen(
      '--tables',
      'types.*',
      '--name',
      'Types',
      '--out',
      'types.ts',
    );
    expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: '' });
    const checks = all.map(([name, [sql, , , type]]) => {
      const whole = sql.includes('NOT NULL') ? type : `${type} | null`;
      return `const _${all.findIndex(([other]) => other === name)}: Same<Types['types.written'][${JSON.stringify(name)}], ${whole}> = true;`;
    });
    await writeFile(
      folder.file('loop.ts'),
      `
      import { connect } from '@drc/client-sdk';
      import type { Types } from './types.js';

      type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
      ${checks.join('\n')}
      const keys: Same<keyof Types, 'types.a-b' | 'types.unwritten' | 'types.written'> = true;

      const hub = await connect({ clusterManager: '', credentials: { token: '' } });
      for await (const tx of hub.subscribe<Types>('shop'))
        for await (const change of tx.changes)
          if (change.kind === 'insert' && change.table === 'types.written') {
            const needed: bigint = change.after.c_needed;
            const perhaps: string | null = change.after.c_decimal;
            // @ts-expect-error it may be NULL
            const never: bigint = change.after.c_bigint;
            // @ts-expect-error there is no such label
            if (change.after.c_enum === 'large') console.log(needed, perhaps, never, keys);
            // @ts-expect-error there is no such column
            void change.after.c_other;
          }
      export const all = [${checks.map((_, index) => `_${index}`).join(', ')}];
      `,
    );
    await writeFile(folder.file('package.json'), '{ "type": "module" }');
    await writeFile(
      folder.file('tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noUncheckedIndexedAccess: true,
          exactOptionalPropertyTypes: true,
          noUnusedLocals: true,
          target: 'es2023',
          lib: ['es2023', 'esnext.disposable'],
          module: 'nodenext',
          noEmit: true,
          types: ['node'],
          typeRoots: [`${root}node_modules/@types`],
          paths: { '@drc/client-sdk': [`${root}client-sdk/dist/index.d.ts`] },
        },
        include: ['*.ts'],
      }),
    );
    const compiled = await runCommand(['-p', folder.path], {
      program: `${root}node_modules/typescript/bin/tsc`,
    });
    expect(compiled).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  // What follows does not depend on the server.
  if (flavour !== 'mariadb') return;

  it('are written over and compared by --out and --check', async () => {
    const write = (...args: string[]): Promise<Finished> =>
      codegen('--tables', 'types.a-b,types.w*', '--out', 'out.ts', ...args);
    expect(await write('--check')).toMatchObject({ code: 9, stderr: 'Note: out.ts does not exist.\n' });
    expect(await write()).toMatchObject({ code: 0, stderr: '' });
    const text = await readFile(folder.file('out.ts'), 'utf8');
    expect(text).toMatch(
      /^\/\/ Made by `drc codegen shop --tables 'types\.a-b,types\.w\*'`.*\n\n.*\nexport interface Shop \{\n {2}'types\.a-b': \{\n {4}id: number;\n {2}\};\n/,
    );
    expect((await codegen('--tables', 'types.a-b,types.w*')).stdout).toBe(text);
    expect(await write('--check')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await writeFile(folder.file('out.ts'), text.replaceAll('\n', '\r\n'));
    expect(await write('--check')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await writeFile(folder.file('out.ts'), text.replace('id: number', 'id: string'));
    const changed = await write('--check');
    expect(changed.code).toBe(9);
    expect(changed.stderr).toContain('-     id: string;\n+     id: number;\n');
    expect(await write()).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(folder.file('out.ts'), 'utf8')).toBe(text);

    await writeFile(folder.file('out.ts'), '// mine\n');
    expect(await write()).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') as string });
    expect(await readFile(folder.file('out.ts'), 'utf8')).toBe('// mine\n');
    expect(await write('--force')).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(folder.file('out.ts'), 'utf8')).toBe(text);
  });

  it('are told as far as they are known while the source is away', async () => {
    const wish = ['--tables', 'types.*', '--out', 'away.ts'];
    expect(await codegen(...wish)).toMatchObject({ code: 0, stderr: '' });
    const whole = await readFile(folder.file('away.ts'), 'utf8');
    await hub.source.kill('SIGKILL');
    try {
      const away = await codegen(...wish, '--check');
      expect(away.code).toBe(9);
      expect(away.stderr).toContain('2 tables that nothing was written to yet may be missing');
      expect(away.stderr).toContain("\n-   'types.unwritten': {\n");
    } finally {
      await hub.source.restart();
    }
    await expect.poll(async () => (await client.describe('shop')).missing, { timeout: 60_000 }).toBe(0);
    expect(await codegen(...wish, '--check')).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(folder.file('away.ts'), 'utf8')).toBe(whole);
  });

  it('come as JSON, too, and of tables that there are', async () => {
    const { code, stdout } = await codegen('--tables', 'types.a-b', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        tables: [
          {
            schema: 'types',
            table: 'a-b',
            columns: [{ name: 'id', type: 'int', nullable: false, length: 4, key: 1 }],
            unwritten: true,
            exact: true,
          },
        ],
        missing: 0,
      },
    ]);
    expect(await codegen('--tables', 'types.absent')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('TABLE_UNKNOWN') as string,
    });
    expect(await codegen('--tables', 'other.*')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('TABLE_UNKNOWN') as string,
    });
  });
});

it('is refused where the options do not fit together', async () => {
  const wrong = [
    ['--check'],
    ['--check', '--force', '--out', 'a.ts'],
    ['--json', '--out', 'a.ts'],
    ['--name', 'class'],
  ];
  for (const args of wrong) expect((await runCommand(['codegen', 'shop', ...args])).code).toBe(2);
});
