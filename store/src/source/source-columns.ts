import type { TableVersion } from '@drc/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import { columnFromSchema } from './column-from-schema.js';
import { SourceControl, type SourceRow } from './source-control.js';
import type { SourceOptions } from './source-options.js';
import type { TableFilter } from './table-filter.js';

/** What the source says of tables now. */
export interface SourceDescription {
  /** As capture would find them in the binlog if a row were written now. */
  readonly tables: readonly TableVersion[];
  /** How many of the tables could not be described; undefined where the source did not answer and nobody knows. */
  readonly missing: number | undefined;
}

export type TableChoice = (schema: string, table: string) => boolean;

/** How long all questions of one description may take. */
const patienceMs = 30_000;
/** Descriptions that wait for their turn at most; to more the source counts as one that does not answer. */
const maxWaiting = 20;
/** Tables of one schema that one question names. */
const tablesAtOnce = 100;

interface TableName {
  readonly schema: string;
  readonly table: string;
}

/**
 * Describes captured tables as INFORMATION_SCHEMA shows them: for those that nothing was written to yet. One description at
 * a time, and after each as long a pause as it took: the answers make work for the source, and readers may ask at will.
 */
export class SourceColumns {
  readonly #source: () => SourceOptions;
  readonly #filter: TableFilter;
  readonly #maxColumns: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** All captured tables, as far as they were known last. */
  #known: readonly TableName[] | undefined;

  /**
   * @param source the server that is captured from at the moment
   * @param maxColumns of one description: it has to fit into memory. Tables beyond it are missing. Default 50,000
   */
  constructor(source: () => SourceOptions, filter: TableFilter, maxColumns = 50_000) {
    this.#source = source;
    this.#filter = filter;
    this.#maxColumns = maxColumns;
  }

  /** The captured tables of the source that are wanted. Never fails: where the source does not answer they are missing. */
  async of(wants: TableChoice): Promise<SourceDescription> {
    if (this.#waiting >= maxWaiting) return { tables: [], missing: this.#count(wants) };
    this.#waiting++;
    const description = this.#last.then(async () => {
      this.#waiting--;
      const began = performance.now();
      const found = await this.#describe(wants);
      return { found, tookMs: performance.now() - began };
    });
    this.#last = description.then(
      ({ tookMs }) => sleep(tookMs, undefined, { ref: false }),
      () => undefined,
    );
    return (await description).found;
  }

  async #describe(wants: TableChoice): Promise<SourceDescription> {
    const tables: TableVersion[] = [];
    try {
      await using control = await SourceControl.connect(this.#source(), AbortSignal.timeout(patienceMs));
      this.#known = await this.#captured(control);
      const wanted = this.#known.filter(({ schema, table }) => wants(schema, table));
      let left = this.#maxColumns;
      for (const { schema, names } of questionsOf(wanted)) {
        const found = await this.#columnsOf(control, schema, names, left);
        left -= found.reduce((columns, version) => columns + version.columns.length, 0);
        tables.push(...found);
        if (left <= 0) break;
      }
    } catch {
      // Whatever the reason: what has been told is true, and the rest is missing.
    }
    const missing = this.#count(wants);
    return { tables, missing: missing === undefined ? undefined : Math.max(0, missing - tables.length) };
  }

  /** How many tables are wanted, of those that were there when it was last known. */
  #count(wants: TableChoice): number | undefined {
    return this.#known?.filter(({ schema, table }) => wants(schema, table)).length;
  }

  async #captured(control: SourceControl): Promise<readonly TableName[]> {
    const rows = await control.rows(
      'SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES ' +
        "WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')",
    );
    return rows
      .map(({ s, t }) => ({ schema: String(s), table: String(t) }))
      .filter(({ schema, table }) => this.#filter.captures(schema, table));
  }

  /** @param maximum of columns; a table that would exceed it is left out, with those behind it */
  async #columnsOf(
    control: SourceControl,
    schema: string,
    names: readonly string[],
    maximum: number,
  ): Promise<readonly TableVersion[]> {
    const questions = new SchemaQuestions(control, schema, names);
    const rows = await questions.rows(
      'TABLE_SCHEMA',
      'COLUMN_NAME AS name, DATA_TYPE AS dataType, COLUMN_TYPE AS columnType, IS_NULLABLE AS nullable, GENERATION_EXPRESSION AS generation, ' +
        'CHARACTER_OCTET_LENGTH AS octets, NUMERIC_PRECISION AS numericPrecision, NUMERIC_SCALE AS numericScale, DATETIME_PRECISION AS fraction, COLLATION_NAME AS collation',
      'COLUMNS',
      `ORDER BY CAST(TABLE_NAME AS BINARY), ORDINAL_POSITION LIMIT ${maximum + 1}`,
    );
    const keys = await questions.rows(
      'TABLE_SCHEMA',
      'INDEX_NAME AS indexName, COLUMN_NAME AS name, NULLABLE AS nullable, SUB_PART AS prefix',
      'STATISTICS',
      'AND NON_UNIQUE = 0 ORDER BY SEQ_IN_INDEX',
    );
    const json = await jsonColumns(control, questions);
    const collations = await collationIds(control);
    const keyOf = await primaryKeys(control, schema, keys);
    const found = [...grouped(rows, tableOf)];
    const whole = rows.length > maximum ? found.slice(0, -1) : found;
    return whole.flatMap(([table, columns]) => {
      const isJson = (name: string): boolean => json.has(`${table}\0${name}`);
      const excluded = this.#filter.excludedColumns(schema, table, columns.map(nameOf));
      const captured = columns.filter((row) => excluded?.has(nameOf(row)) !== true);
      const described = captured.map((row) => columnFromSchema(row, isJson(nameOf(row)), collations));
      if (!described.every((column) => column !== undefined)) return [];
      // MariaDB has it in each key of a system-versioned table; of current rows it is always the same.
      const rowEnd = columns.find(({ generation }) => generation === 'ROW END');
      const key = (keyOf.get(table) ?? [])
        .filter((row) => rowEnd === undefined || nameOf(row) !== nameOf(rowEnd))
        .map((row) => described.findIndex(({ name }) => name === nameOf(row)));
      return [{ schema, table, columns: described, primaryKey: key.includes(-1) ? [] : key }];
    });
  }
}

/** Questions about some tables of a schema. */
class SchemaQuestions {
  readonly #control: SourceControl;
  readonly #schema: string;
  readonly #names: ReadonlySet<string>;

  constructor(control: SourceControl, schema: string, names: readonly string[]) {
    this.#control = control;
    this.#schema = schema;
    this.#names = new Set(names);
  }

  /** Each row has the table's name as `t`. @param schemaColumn where the view has the schema */
  async rows(
    schemaColumn: string,
    columns: string,
    view: string,
    rest: string,
  ): Promise<readonly SourceRow[]> {
    const rows = await this.#control.rows(
      `SELECT ${schemaColumn} AS s, TABLE_NAME AS t, ${columns} FROM information_schema.${view} ` +
        `WHERE ${schemaColumn} = ? AND CAST(TABLE_NAME AS BINARY) IN (${[...this.#names].map(() => '?').join(', ')}) ${rest}`,
      [this.#schema, ...this.#names],
    );
    // The servers compare these names without regard to case, and may have schemas and tables that differ in nothing else.
    return rows.filter((row) => row['s'] === this.#schema && this.#names.has(tableOf(row)));
  }
}

function* questionsOf(tables: readonly TableName[]): Generator<{ schema: string; names: readonly string[] }> {
  const bySchema = grouped(tables, ({ schema }) => schema);
  for (const [schema, named] of bySchema)
    for (let at = 0; at < named.length; at += tablesAtOnce)
      yield { schema, names: named.slice(at, at + tablesAtOnce).map(({ table }) => table) };
}

/**
 * By table, the columns that the binlog calls its primary key: where there is none the server takes the first unique key, in its own order,
 * that could be one. Only SHOW INDEX has that order.
 * @param rows parts of unique keys
 */
async function primaryKeys(
  control: SourceControl,
  schema: string,
  rows: readonly SourceRow[],
): Promise<ReadonlyMap<string, readonly SourceRow[]>> {
  const keys = new Map<string, readonly SourceRow[]>();
  for (const [table, parts] of grouped(rows, tableOf)) {
    const byIndex = grouped(parts, ({ indexName }) => String(indexName));
    const primary = byIndex.get('PRIMARY');
    const candidates = [...byIndex.values()].filter((index) => index.every(isWholePart));
    const [only] = candidates;
    if (primary !== undefined) keys.set(table, primary);
    else if (only !== undefined) {
      const names =
        candidates.length === 1
          ? []
          : await control.rows(`SHOW INDEX FROM ${quoted(schema)}.${quoted(table)}`);
      const first = names
        .map((row) => byIndex.get(String(row['Key_name'])))
        .find((index) => index !== undefined && candidates.includes(index));
      keys.set(table, first ?? only);
    }
  }
  return keys;
}

const isWholePart = ({ name, nullable, prefix }: SourceRow): boolean =>
  name !== null && nullable !== 'YES' && prefix === null;

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** `table` 0 `column` of those that a check says to hold JSON: MariaDB's own JSON type is LONGTEXT with that check. */
async function jsonColumns(control: SourceControl, questions: SchemaQuestions): Promise<ReadonlySet<string>> {
  const version = await control.value('SELECT VERSION()');
  if (version?.includes('MariaDB') !== true) return new Set();
  const rows = await questions.rows('CONSTRAINT_SCHEMA', 'CHECK_CLAUSE AS clause', 'CHECK_CONSTRAINTS', '');
  return new Set(
    rows.flatMap(({ t, clause }) => {
      const match = /^json_valid\(`((?:[^`]|``)+)`\)$/i.exec(String(clause));
      return match === null ? [] : [`${String(t)}\0${match[1]!.replaceAll('``', '`')}`];
    }),
  );
}

const nameOf = (row: SourceRow): string => String(row['name']);
const tableOf = (row: SourceRow): string => String(row['t']);

/** `Map.groupBy`, which Node 20 lacks. */
function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Ids by name. MariaDB has the newer ones, whose names are of no charset, in a view of their own; before 10.10 there is none with ids. */
async function collationIds(control: SourceControl): Promise<ReadonlyMap<string, number>> {
  const view = 'information_schema.COLLATION_CHARACTER_SET_APPLICABILITY';
  let rows = await control.rows(`SELECT * FROM ${view}`);
  if (rows[0]?.['ID'] === undefined) rows = await control.rows('SELECT * FROM information_schema.COLLATIONS');
  return new Map(
    rows.map((row) => [String(row['FULL_COLLATION_NAME'] ?? row['COLLATION_NAME']), Number(row['ID'])]),
  );
}
