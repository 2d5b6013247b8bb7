import type { TableVersion } from '@drc/protocol';
import type { BinlogEvent } from './binlog-events.js';
import type { CaptureCounters, RowTally } from './capture-counters.js';
import type { DdlStatement } from './ddl-statement.js';
import type { LearnedTypes } from './learned-types.js';
import { OriginMark, originTableKind, originTableName } from './origin-mark.js';
import type { RowTarget } from './part-writer.js';
import { RowTranscoder } from './row-transcoder.js';
import type { TableFilter } from './table-filter.js';
import { VersionedRows, versioningOf } from './versioned-rows.js';
import { needsLearning, parseTableMap, type Flavour, type TableMap } from './table-schema.js';

/** A table id of this connection and file, and what was decided about it. */
export interface KnownTable {
  readonly name: string;
  /** Undefined: excluded. */
  readonly rows: CapturedRows | undefined;
  /** Of the table whose rows say where transactions come from; never captured. */
  readonly mark?: OriginMark;
}

/** Where the rows of a table go. */
export interface CapturedRows {
  readonly target: RowTarget;
  readonly tally: RowTally;
  /** Of a system-versioned table. */
  readonly versioned?: VersionedRows;
}

export interface CapturedTablesOptions {
  readonly flavour: Flavour;
  readonly filter: TableFilter;
  readonly learned: LearnedTypes;
  readonly counters: CaptureCounters;
  /** Puts a table version into the log; @returns its schema id. */
  readonly register: (version: TableVersion) => Buffer;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

type TableMapEvent = Extract<BinlogEvent, { kind: 'table-map' }>;

/** Table ids remembered from one group to the next. */
const maxTables = 4096;

/** What the table maps of this connection and file say, by table id. */
export class CapturedTables {
  readonly #options: CapturedTablesOptions;
  readonly #tables = new Map<number, KnownTable>();

  constructor(options: CapturedTablesOptions) {
    this.#options = options;
  }

  of(tableId: number): KnownTable | undefined {
    return this.#tables.get(tableId);
  }

  /** @throws DrcError `EVENT_MALFORMED`, `UNSUPPORTED_COLUMN` */
  learn(event: TableMapEvent): KnownTable | Promise<KnownTable> {
    const known = this.#tables.get(event.tableId);
    if (known !== undefined && event.isRepeated) return known;
    const { filter, flavour, learned, warn } = this.#options;
    const map = parseTableMap(event.body, event.bodyAt, event.end);
    const originKind = originTableKind(map);
    // Whatever the filter says: a mark that is passed over would let changes go round in circles.
    if (originKind === 'mark') return this.#keep(map, undefined, new OriginMark(map, flavour));
    if (originKind === 'other')
      warn(
        `The source has a table ${originTableName} that is not the one which marks transactions; it is taken for any other.`,
        { columns: map.columns.map((column) => column.name).join(', ') },
      );
    if (!filter.captures(map.schema, map.table)) return this.#keep(map, undefined);
    const mayBeSequence = flavour === 'mariadb' && hasSequenceColumns(map);
    if (!mayBeSequence && !needsLearning(map, flavour)) return this.#keep(map, this.#rowsOf(map, undefined));
    return learned.of(map.schema, map.table).then((types) => {
      if (types === undefined)
        warn('The source no longer has a table, whose types are taken as the binlog shows them.', {
          table: `${map.schema}.${map.table}`,
        });
      return this.#keep(map, this.#rowsOf(map, types));
    });
  }

  /** Its tables are no longer what was known of them. */
  forget(ddl: DdlStatement): void {
    if (ddl.isAccount) return;
    const { learned } = this.#options;
    if (ddl.targets.length === 0) learned.forgetAll();
    for (const target of ddl.targets) learned.forget(target);
    for (const [id, table] of this.#tables)
      if (ddl.targets.length === 0 || ddl.targets.includes(table.name)) this.#tables.delete(id);
  }

  /** Between groups: forgets where there are very many, for a source may use up table ids without end. */
  trim(): void {
    if (this.#tables.size > maxTables) this.#tables.clear();
  }

  /** Table ids may mean other tables from now on. */
  clear(): void {
    this.#tables.clear();
  }

  #keep(map: TableMap, rows: KnownTable['rows'], mark?: OriginMark): KnownTable {
    const known = { name: `${map.schema}.${map.table}`, rows, ...(mark && { mark }) };
    this.#tables.set(map.tableId, known);
    return known;
  }

  #rowsOf(map: TableMap, learned: Awaited<ReturnType<LearnedTypes['of']>>): KnownTable['rows'] {
    const { flavour, filter, counters, register } = this.#options;
    const versioning = flavour === 'mariadb' ? versioningOf(map, learned) : undefined;
    const excluded = filter.excludedColumns(
      map.schema,
      map.table,
      map.columns.map((column) => column.name),
    );
    const excludeColumns =
      versioning === undefined ? excluded : new Set([...(excluded ?? []), ...versioning.hidden]);
    const transcoder = new RowTranscoder(map, {
      flavour,
      ...(learned === undefined ? {} : { learned }),
      ...(excludeColumns === undefined ? {} : { excludeColumns }),
      constantColumn: versioning?.rowEnd,
    });
    return {
      target: {
        transcoder,
        schemaId: register(transcoder.version),
        isSequence: flavour === 'mariadb' && isSequence(map, learned),
      },
      tally: counters.table(`${map.schema}.${map.table}`),
      ...(versioning === undefined
        ? {}
        : { versioned: new VersionedRows(map, versioning, flavour, learned) }),
    };
  }
}

/** The columns of every MariaDB sequence (MariaDB sql/sql_sequence.cc), and of a table that was copied from one. */
const sequenceColumns = [
  'next_not_cached_value',
  'minimum_value',
  'maximum_value',
  'start_value',
  'increment',
  'cache_size',
  'cycle_option',
  'cycle_count',
];
const hasSequenceColumns = (map: TableMap): boolean =>
  map.columns.length === sequenceColumns.length &&
  map.columns.every((column, index) => column.name === sequenceColumns[index]);

/** One that the source no longer has counts as a sequence. */
const isSequence = (map: TableMap, learned: Awaited<ReturnType<LearnedTypes['of']>>): boolean =>
  hasSequenceColumns(map) && learned?.get(sequenceColumns[0]!)?.isOfTable !== true;
