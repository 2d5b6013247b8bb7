import type { TableDescription } from '@drc/client-sdk';
import type { ColumnType, DescribedColumn } from '@drc/protocol';

/** The first words of a file that `drc codegen` made: only such a one is written over. */
export const madeBy = '// Made by `drc codegen ';

export interface RowTypesOptions {
  readonly topic: string;
  /** As they were asked for; empty: all that one may read. */
  readonly globs: readonly string[];
  /** Of the interface, an identifier (`typeNameOf`). */
  readonly name: string;
}

/**
 * A TypeScript module with the row types of tables, for `hub.subscribe<…>`. The same tables give the same text, in whatever
 * order they come.
 */
export function rowTypes(tables: readonly TableDescription[], options: RowTypesOptions): string {
  const { topic, globs, name } = options;
  const asked = [
    topic,
    ...(globs.length === 0 ? [] : ['--tables', globs.join(',')]),
    ...(name === typeNameOf(topic) ? [] : ['--name', name]),
  ];
  const lines = [
    `${madeBy}${asked.map(shellWord).join(' ')}\`. Do not change it: run that again.`,
    '',
    `/** Tables of the topic ${inComment(topic)}, with what \`@drc/client-sdk\` makes of their rows. */`,
    `export interface ${name} {`,
    ...[...byName(tables)].flatMap(([table, shapes]) => propertyOf(table, shapes)),
    '}',
    '',
  ];
  return lines.join('\n');
}

/** `shop-orders` → `ShopOrders`. */
export function typeNameOf(topic: string): string {
  const words = topic.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const name = words.map((word) => `${word[0]!.toUpperCase()}${word.slice(1)}`).join('');
  return isTypeName(name) ? name : `Topic${name}`;
}

/** Whether an interface can have the name, and nothing that the file uses has it. */
export const isTypeName = (name: string): boolean =>
  /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) && !reserved.has(name);

/** Keywords, names of types that are built in, and those that rows are made of. */
const reserved: ReadonlySet<string> = new Set(
  (
    'any as async await bigint boolean break case catch class const continue debugger default delete do else enum export ' +
    'extends false finally for function if implements import in instanceof interface let never new null number object ' +
    'package private protected public return static string super switch symbol this throw true try type typeof undefined ' +
    'unknown var void while with yield Buffer Float32Array Record'
  ).split(' '),
);

/**
 * What the SDK makes of a column's values that are not NULL. An ENUM may hold the empty text, whatever its labels: the error
 * value, which a server stores in place of what is no label.
 */
export function valueTypeOf({ type, labels }: Pick<DescribedColumn, 'type' | 'labels'>): string {
  if (type !== 'enum' || labels === undefined) return valueTypes[type];
  return [...new Set([...labels, ''])].map(quoted).join(' | ');
}

const valueTypes: Readonly<Record<ColumnType, string>> = {
  int: 'number',
  bigint: 'bigint',
  year: 'number',
  decimal: 'string',
  float: 'number',
  double: 'number',
  date: 'string',
  datetime: 'string',
  time: 'string',
  timestamp: 'string',
  text: 'string',
  bytes: 'Buffer',
  bit: 'Buffer',
  enum: 'string',
  set: 'string',
  json: 'string',
  geometry: 'Buffer',
  vector: 'Float32Array',
  uuid: 'string',
  inet4: 'string',
  inet6: 'string',
};

/** Two tables may have one name, since dots may stand in both of its parts: then a row is of one of them. */
function byName(tables: readonly TableDescription[]): ReadonlyMap<string, readonly string[][]> {
  const shapes = new Map<string, string[][]>();
  for (const { schema, table, columns } of tables.toSorted(byParts)) {
    const name = `${schema}.${table}`;
    shapes.set(name, [...(shapes.get(name) ?? []), propertiesOf(columns)]);
  }
  return new Map([...shapes].toSorted(([a], [b]) => compare(a, b)));
}

/** In the table's order. Where two columns come to one name, it has the types of both. */
function propertiesOf(columns: readonly DescribedColumn[]): string[] {
  const types = new Map<string, string[]>();
  for (const column of columns) {
    const own = [valueTypeOf(column), ...(column.nullable ? ['null'] : [])];
    types.set(column.name, [...new Set([...(types.get(column.name) ?? []), ...own])]);
  }
  return [...types].map(([name, union]) => `${propertyName(name)}: ${union.join(' | ')};`);
}

function propertyOf(table: string, shapes: readonly string[][]): string[] {
  const objects = shapes.map((properties) =>
    properties.length === 0
      ? 'Record<string, never>'
      : `{\n${properties.map((line) => `    ${line}`).join('\n')}\n  }`,
  );
  return [`  ${quoted(table)}: ${objects.join(' | ')};`];
}

const propertyName = (name: string): string =>
  /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : quoted(name);

/** As a literal of TypeScript, in single quotes. */
const quoted = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

/** As one would type it; what would end the line stands there as JSON has it. */
const shellWord = (text: string): string => {
  const printed = printable(text);
  return /^[\w.,-]+$/.test(printed) ? printed : `'${printed.replaceAll("'", "'\\''")}'`;
};

const printable = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\u2028\u2029`]/gu,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const inComment = (text: string): string => printable(text).replaceAll('*/', '* /');

const byParts = (a: TableDescription, b: TableDescription): number =>
  compare(a.schema, b.schema) || compare(a.table, b.table);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
