import { startServer, type Flavour } from '../support/database-server.js';
import { binlogOf, decodeBinlog } from '../store/source/binlog-rows.js';
import { columnCases, type ColumnCase } from '../store/source/column-cases.js';
import { connectPlainly, plainRow, selectRows } from '../store/source/server-rows.js';

/** What became of one column definition on one server. */
export interface Conformance {
  readonly column: ColumnCase;
  /** As what its values arrive. */
  readonly message: string;
  readonly values: number;
  /** Of the values, those that are the same from the binlog as from SELECT. */
  readonly exact: number;
}

/** Writes every case of column-cases.ts to a server of its own, and reads each value from its binlog and by SELECT. */
export async function conformanceOf(flavour: Flavour): Promise<Conformance[]> {
  const cases = columnCases.filter(({ only }) => only === undefined || only === flavour);
  await using server = await startServer(flavour);
  const connection = await connectPlainly(server);
  try {
    await connection.query('CREATE DATABASE t');
    const binlog = await binlogOf(server, async () => {
      for (const [index, { type, before, values }] of cases.entries()) {
        if (before !== undefined) await connection.query(before);
        await connection.query(`CREATE TABLE t.t${index} (id INT PRIMARY KEY, v ${type})`);
        if (before !== undefined) await connection.query('SET GLOBAL mysql56_temporal_format = ON');
        const all = type.includes('NOT NULL') ? values : ['NULL', ...values];
        const rows = all.map((value, id) => `(${id}, ${value})`).join(', ');
        await connection.query(`INSERT INTO t.t${index} VALUES ${rows}`);
      }
    });
    const decoded = decodeBinlog(binlog, ({ table }) => {
      const learned = cases[Number(table.slice(1))]?.learned;
      return { flavour, ...(learned && { learned: new Map([['v', learned]]) }) };
    });
    const found: Conformance[] = [];
    for (const [index, column] of cases.entries()) {
      const mine = decoded.filter(({ version }) => version.table === `t${index}`);
      const { version } = mine[0]!;
      const rows = mine.flatMap(({ images }) => images.map((image) => plainRow(version, image)[1]));
      const selected = (await selectRows(connection, version)).map((row) => row[1]);
      const exact = selected.filter((value, id) => Object.is(value, rows[id])).length;
      found.push({ column, message: version.columns[1]!.type, values: selected.length, exact });
    }
    return found;
  } finally {
    await connection.end();
  }
}

/** The table of docs/capture.md: a line for each type, a column for each server. */
export function conformanceTable(results: Readonly<Record<Flavour, readonly Conformance[]>>): string {
  const types = new Set(columnCases.map((column) => nameOf(column)));
  const rows = [...types].map((type) => {
    const [mariadb, mysql] = (['mariadb', 'mysql'] as const).map((flavour) =>
      results[flavour].filter(({ column }) => nameOf(column) === type),
    );
    const messages = new Set([...mariadb!, ...mysql!].map(({ message }) => `\`${message}\``));
    return `| ${type} | ${[...messages].join(', ')} | ${resultOf(mariadb!)} | ${resultOf(mysql!)} |`;
  });
  return ['| type | message type | MariaDB | MySQL |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function resultOf(tried: readonly Conformance[]): string {
  if (tried.length === 0) return '–';
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const values = sum(tried.map((one) => one.values));
  const exact = sum(tried.map((one) => one.exact));
  const of = `${values} values of ${tried.length === 1 ? 'one definition' : `${tried.length} definitions`}`;
  return exact === values ? `exact: ${of}` : `${exact} exact, ${values - exact} not, of ${of}`;
}

/** A type without lengths and labels: what differs in these alone is one line. */
function nameOf({ type, before }: ColumnCase): string {
  const charset = /CHARACTER SET (\w+)/.exec(type)?.[1];
  const base = type
    .replace(/\(.*\)/, '')
    .replace(/ (?:NOT NULL|NULL|SRID \d+|REF_SYSTEM_ID=\d+|CHARACTER SET \w+)/g, '');
  if (before !== undefined) return `${base} in the format of MariaDB 5.3`;
  return charset === undefined ? base : `${base}, character set ${charset}`;
}
