import { expect, test } from 'vitest';
import { parseSpec } from './spec-parser.js';

const flags = { foreignKeyChecks: true, uniqueChecks: true };

test('a spec is its title, its statements and its expectations in order', () => {
  const spec = parseSpec(`-- Rows come in order.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10));
--> ddl CREATE TABLE t

-- A comment.
INSERT INTO t VALUES (1, 'a'),
  (2, NULL); UPDATE t SET id = 3 WHERE id = 2;
--> begin
-->   insert t {id: 1, v: "a"}
-->   insert t {id: 2, v: null}
--> commit
--> update t {id: 2, v: null} -> {id: 3, v: null}
`);
  expect(spec.title).toBe('Rows come in order.');
  expect(spec.statements.map(({ sql }) => sql)).toEqual([
    'CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))',
    "INSERT INTO t VALUES (1, 'a'),\n  (2, NULL)",
    'UPDATE t SET id = 3 WHERE id = 2',
  ]);
  const text = 'CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))';
  expect(spec.expected).toEqual([
    { changes: [{ kind: 'ddl', ddl: { verb: 'CREATE TABLE', tables: ['spec.t'], text } }] },
    {
      changes: [
        { kind: 'insert', table: 'spec.t', after: { id: 1, v: 'a' }, ...flags },
        { kind: 'insert', table: 'spec.t', after: { id: 2, v: null }, ...flags },
      ],
    },
    {
      changes: [
        { kind: 'update', table: 'spec.t', before: { id: 2, v: null }, after: { id: 3, v: null }, ...flags },
      ],
    },
  ]);
});

test('values keep their types', () => {
  const { expected } = parseSpec(`-- Values.
SELECT 1;
--> insert t {i: -7, f: 1.5e-3, b: 18446744073709551615n, s: "a\\"\\u00e9", x: x"00ff", e: x"", n: null}
--> insert t {v: [1, -2.5, 1e-3]}
--> insert t {s: repeat("ab", 3), x: repeat(x"00ff", 2), "__proto__": 1, "a b": 2, übergröße: 3}
`);
  const [first, vector, second] = expected.map(({ changes }) => changes[0]);
  const after = {
    i: -7,
    f: 0.0015,
    b: 18446744073709551615n,
    s: 'a"é',
    x: Buffer.of(0, 255),
    e: Buffer.of(),
    n: null,
  };
  expect(first).toMatchObject({ after });
  expect(vector).toMatchObject({ after: { v: Float32Array.of(1, -2.5, 0.001) } });
  expect(second?.kind === 'insert' && Object.entries(second.after)).toEqual([
    ['s', 'ababab'],
    ['x', Buffer.of(0, 255, 0, 255)],
    ['__proto__', 1],
    ['a b', 2],
    ['übergröße', 3],
  ]);
});

test('flags, schemas, DDL texts and sequences are read', () => {
  const { expected } = parseSpec(`-- The rest.
SELECT 1;
--> insert other.t {id: 1} foreign_key_checks=0 unique_checks=0
--> delete "odd schema.odd.table" {id: 1}
--> ddl DROP TABLE a, other.b: "DROP TABLE x"
--> ddl CREATE USER without text
--> ddl CREATE DATABASE
--> sequence s {next: 1n}
`);
  expect(expected.map(({ changes }) => changes[0])).toEqual([
    { kind: 'insert', table: 'other.t', after: { id: 1 }, foreignKeyChecks: false, uniqueChecks: false },
    { kind: 'delete', table: 'odd schema.odd.table', before: { id: 1 }, ...flags },
    { kind: 'ddl', ddl: { verb: 'DROP TABLE', tables: ['spec.a', 'other.b'], text: 'DROP TABLE x' } },
    { kind: 'ddl', ddl: { verb: 'CREATE USER', tables: [] } },
    { kind: 'ddl', ddl: { verb: 'CREATE DATABASE', tables: [], text: 'SELECT 1' } },
    { kind: 'sequence', table: 'spec.s', after: { next: 1n } },
  ]);
});

test('semicolons in quotes, comments and bodies do not end a statement', () => {
  const { statements } = parseSpec(`-- Quotes.
INSERT INTO t VALUES ('a;''b\\';', ";\\"", \`c;\\\`); -- not this; one
# nor; this
DELIMITER //
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END//
DELIMITER ;
SELECT '--> not an expectation
-- nor a comment';
`);
  expect(statements.map(({ sql }) => sql)).toEqual([
    "INSERT INTO t VALUES ('a;''b\\';', \";\\\"\", `c;\\`)",
    'CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END',
    "SELECT '--> not an expectation\n-- nor a comment'",
  ]);
});

test('directives name the session and the error of a statement', () => {
  const { statements } = parseSpec(`-- Directives.
SELECT 1;
--@ session b
--@ fails ER_DUP_ENTRY
SELECT 2;
SELECT 3;
`);
  expect(statements).toEqual([
    { sql: 'SELECT 1', session: 'main' },
    { sql: 'SELECT 2', session: 'b', fails: 'ER_DUP_ENTRY' },
    { sql: 'SELECT 3', session: 'b' },
  ]);
});

const twoServers = `-- Servers differ.
-- pending mysql: it is not built
SELECT 1;
-- expect mariadb
--> insert t {id: 1}
-- expect mysql
--> insert t {id: 2}
--> insert t {id: 3}

--> insert t {id: 4}
SELECT 2;
-- expect mysql
--> insert t {id: 5}
SELECT 3;
`;

test.each([
  ['mariadb', [1, 4], undefined],
  ['mysql', [2, 3, 4, 5], 'it is not built'],
] as const)('%s is given its own expectations, and those of both, in order', (flavour, ids, pending) => {
  const spec = parseSpec(twoServers, 'f.sql', flavour);
  expect(spec.expected.map(({ changes: [change] }) => change)).toEqual(
    ids.map((id) => ({ kind: 'insert', table: 'spec.t', after: { id }, ...flags })),
  );
  expect(spec.pending).toBe(pending);
  expect(spec.only).toBeUndefined();
});

test('comments within a statement are a part of it, and what they hold ends nothing', () => {
  const { statements } = parseSpec(`-- Comments.
/* a; 'b */ CREATE TABLE t ( -- one; two
  id INT # three;
);
-- not this;
SELECT "/*", 1; /* nor
this; */
SELECT 2;
`);
  expect(statements.map(({ sql }) => sql)).toEqual([
    "/* a; 'b */ CREATE TABLE t ( -- one; two\n  id INT # three;\n)",
    'SELECT "/*", 1',
    '/* nor\nthis; */\nSELECT 2',
  ]);
});

test('a spec can ask for arguments of the server, and end with a stop', () => {
  const text = `-- T.
-- server mysql: --gtid-mode=OFF  --enforce-gtid-consistency=OFF
SELECT 1;
--> insert t {id: 1}
-- expect mariadb
--> stop STATEMENT_EVENT
`;
  const mysql = parseSpec(text, 'f.sql', 'mysql');
  expect(mysql.serverArguments).toEqual(['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF']);
  expect(mysql.stop).toBeUndefined();
  const mariadb = parseSpec(text, 'f.sql', 'mariadb');
  expect(mariadb.serverArguments).toBeUndefined();
  expect(mariadb.stop).toBe('STATEMENT_EVENT');
  expect(mariadb.expected).toHaveLength(1);
});

test('a spec can be about one server', () => {
  expect(parseSpec('-- T.\n-- only mariadb\nSELECT 1;\n').only).toBe('mariadb');
});

test.each([
  ['no title', 'SELECT 1;\n', /f.sql:1: the first line/],
  ['an open statement', '-- T.\nSELECT 1\n--> insert t {}\n', /f.sql:3: the statement before has no end/],
  ['an open statement at the end', '-- T.\nSELECT 1', /f.sql: the last statement has no end/],
  ['no statement', '-- T.\n', /f.sql: there is no statement/],
  ['an unknown change', '-- T.\nSELECT 1;\n--> upsert t {}\n', /f.sql:3: expected a change, not upsert/],
  ['an open row', '-- T.\nSELECT 1;\n--> begin\n--> insert t {id: 1\n', /f.sql:4: expected "\}"/],
  ['a column twice', '-- T.\nSELECT 1;\n--> insert t {id: 1, id: 2}\n', /f.sql:3: expected column id once/],
  ['an open transaction', '-- T.\nSELECT 1;\n--> begin\n--> insert t {id: 1}\n', /f.sql:4: expected word/],
  ['garbage', '-- T.\nSELECT 1;\n--> insert t {id: @}\n', /f.sql:3: expected something readable/],
  ['an empty section', '-- T.\nSELECT 1;\n-- expect mysql\n\nSELECT 2;\n', /f.sql:4: nothing is expected/],
  ['a late remark', '-- T.\nSELECT 1;\n-- only mysql\n', /f.sql:3: this belongs behind the title/],
  ['no reason', '-- T.\n-- pending mysql:\nSELECT 1;\n', /f.sql:2: it must say why/],
  ['no arguments', '-- T.\n-- server mysql:\nSELECT 1;\n', /f.sql:2: it must say with what arguments/],
  ['more behind a stop', '-- T.\nSELECT 1;\n--> stop X\n--> insert t {}\n', /f.sql:4: expected nothing/],
  [
    'more below a stop',
    '-- T.\nSELECT 1;\n--> stop X\nSELECT 2;\n--> insert t {}\n',
    /f.sql:5: nothing comes/,
  ],
  ['an unknown directive', '-- T.\n--@ sesion b\nSELECT 1;\n', /f.sql:2: there is no directive sesion/],
])('%s is refused with its line', (_title, text, message) => {
  expect(() => parseSpec(text, 'f.sql')).toThrow(message);
});
