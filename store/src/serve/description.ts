import {
  DrcError,
  type Describe,
  type Described,
  type DescribedColumn,
  type DescribedTable,
  type TableVersion,
} from '@drc/protocol';
import type { Answers } from './answers.js';
import type { Ticket } from './authorize.js';
import { Filter } from './filter.js';
import type { SessionEnvironment } from './session-environment.js';

/** What a page takes at most, beside its first column: with one of the longest lists of labels it still fits a frame. */
const pageBytes = 32 * 1024;
const maxLabelBytes = 16 * 1024;

/**
 * Answers `describe`, page by page, at the client's pace. Waits for neither client nor source any longer once the signal aborts.
 * @throws DrcError as `describe`; the signal's reason
 */
export async function sendDescription(
  message: Describe,
  environment: SessionEnvironment,
  ticket: Ticket,
  answers: Pick<Answers, 'sent'>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const answered = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true, signal: answered.signal });
  });
  const pages = describe(message, environment, ticket);
  try {
    for (;;) {
      const page = await Promise.race([pages.next(), ended]);
      if (page.done === true) return;
      await Promise.race([answers.sent(page.value), ended]);
    }
  } finally {
    answered.abort();
  }
}

/**
 * The tables that the reader may read, as it would get their rows.
 * @throws DrcError `FORBIDDEN`, `TABLE_UNKNOWN` for a table by name; `PROTOCOL_VIOLATION` for a pattern outside the limits, and
 *   where nothing is known of tables
 */
export async function* describe(
  message: Describe,
  { topicTables, columnHashKey }: Pick<SessionEnvironment, 'topicTables' | 'columnHashKey'>,
  { grant }: Pick<Ticket, 'grant'>,
): AsyncGenerator<Described> {
  if (topicTables === undefined)
    throw new DrcError('PROTOCOL_VIOLATION', 'This store does not describe tables.');
  const filter = new Filter({ tables: message.tables, operations: [] }, grant, columnHashKey);
  const wants = ({ schema, table }: TableVersion): boolean => filter.wantsTable(`${schema}.${table}`);
  const written = (await topicTables.written()).filter(wants);
  const known = new Set(written.map(keyOf));
  const names = new Set(written.map(nameOf));
  const isOpen = filter.globs.length > 0 || message.tables.length === 0;
  const source =
    isOpen || filter.namedTables.some((name) => !names.has(name))
      ? await topicTables.atSource(
          (schema, table) => filter.wantsTable(`${schema}.${table}`) && !known.has(keyOf({ schema, table })),
        )
      : { tables: [], missing: 0 };
  for (const version of source.tables) names.add(nameOf(version));
  const unknown = filter.namedTables.filter((name) => !names.has(name));
  if (unknown.length > 0 && source.missing === 0)
    throw new DrcError('TABLE_UNKNOWN', `The topic has no table ${unknown[0]}.`, { table: unknown[0]! });
  const tables = [
    ...written.map((version) => ({ version, unwritten: false })),
    ...source.tables.map((version) => ({ version, unwritten: true })),
  ].toSorted((a, b) => compare(keyOf(a.version), keyOf(b.version)));
  let page: DescribedTable[] = [];
  for (const piece of piecesOf(tables, filter)) {
    if (piece.opensPage && page.length > 0) {
      yield { type: 'described', tables: page, last: false };
      page = [];
    }
    page.push(piece.table);
  }
  yield { type: 'described', tables: page, last: true, ...lackOf(source.missing, isOpen, unknown.length) };
}

/** What may be missing where the source could not be asked. Of names alone it is known how many are. */
function lackOf(
  missing: number | undefined,
  isOpen: boolean,
  unknown: number,
): Pick<Described, 'incomplete' | 'missing'> {
  if (missing === 0) return {};
  if (!isOpen) return { incomplete: true, missing: unknown };
  return { incomplete: true, ...(missing === undefined ? {} : { missing }) };
}

interface Piece {
  /** Whether the page before has no room for it. */
  readonly opensPage: boolean;
  readonly table: DescribedTable;
}

interface KnownTable {
  readonly version: TableVersion;
  readonly unwritten: boolean;
}

/** Tables, and those that do not fit a page in pieces of it. */
function* piecesOf(tables: Iterable<KnownTable>, filter: Filter): Generator<Piece> {
  let pageUsed = 0;
  for (const { version, unwritten } of tables) {
    const { schema, table } = version;
    const shape = filter.shapeOf(version);
    const head = {
      schema,
      table,
      ...(unwritten ? { unwritten } : {}),
      exact: true,
      ...(hidesKey(version, shape) ? { keyHidden: true } : {}),
    };
    const headBytes = sizeOf(head) + 32;
    let columns: DescribedColumn[] = [];
    let opensPage = pageUsed > 0 && pageUsed + headBytes > pageBytes;
    pageUsed = opensPage ? headBytes : pageUsed + headBytes;
    for (const column of describedColumns(shape)) {
      const bytes = sizeOf(column) + 1;
      if (columns.length > 0 && pageUsed + bytes > pageBytes) {
        yield { opensPage, table: { ...head, columns, more: true } };
        columns = [];
        opensPage = true;
        pageUsed = headBytes;
      }
      columns.push(column);
      pageUsed += bytes;
    }
    yield { opensPage, table: { ...head, columns } };
  }
}

function* describedColumns({ columns, primaryKey }: TableVersion): Generator<DescribedColumn> {
  for (const [index, { labels, ...column }] of columns.entries()) {
    const place = primaryKey.indexOf(index) + 1;
    yield {
      ...column,
      ...(labels !== undefined && sizeOf(labels) <= maxLabelBytes ? { labels } : {}),
      ...(place > 0 ? { key: place } : {}),
    };
  }
}

/** Whether the reader gets rows without some column of the primary key. */
function hidesKey({ columns, primaryKey }: TableVersion, shape: TableVersion): boolean {
  const names = new Set(shape.columns.map(({ name }) => name));
  return primaryKey.some((index) => !names.has(columns[index]!.name));
}

/** As JSON, which is about as long as msgpack, and never much shorter. */
const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

const nameOf = ({ schema, table }: TableVersion): string => `${schema}.${table}`;

/** Two tables can have one name: dots may stand in both of its parts. */
const keyOf = ({ schema, table }: Pick<TableVersion, 'schema' | 'table'>): string => `${schema}\0${table}`;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
