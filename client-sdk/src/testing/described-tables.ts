import { DrcError, type Described, type DescribedColumn, type TableVersion } from '@drc/protocol';
import { TableGlobs } from './table-globs.js';

/** Columns of one page: so many fit a frame, whatever their names. */
const columnsOfPage = 100;

/**
 * The answer to `describe`.
 * @param asked names and globs; empty: all tables
 * @throws DrcError `TABLE_UNKNOWN`
 */
export function describedTables(
  tables: ReadonlyMap<string, TableVersion>,
  asked: readonly string[],
): readonly Described[] {
  const globs = new TableGlobs(asked);
  const unknown = globs.names.find((name) => !tables.has(name));
  if (unknown !== undefined)
    throw new DrcError('TABLE_UNKNOWN', `The topic has no table ${unknown}.`, { table: unknown });
  const pages = [...tables.keys()]
    .filter((name) => globs.isEmpty || globs.matches(name))
    .toSorted()
    .flatMap((name) => pagesOf(tables.get(name)!));
  return [...pages, { type: 'described', tables: [], last: true }];
}

function pagesOf(version: TableVersion): Described[] {
  const { schema, table } = version;
  const columns = version.columns.map((_, index) => describedColumn(version, index));
  const count = Math.max(1, Math.ceil(columns.length / columnsOfPage));
  return Array.from({ length: count }, (_, page) => ({
    type: 'described',
    tables: [
      {
        schema,
        table,
        exact: true,
        columns: columns.slice(page * columnsOfPage, (page + 1) * columnsOfPage),
        ...(page < count - 1 ? { more: true } : {}),
      },
    ],
    last: false,
  }));
}

function describedColumn({ columns, primaryKey }: TableVersion, index: number): DescribedColumn {
  const key = primaryKey.indexOf(index) + 1;
  return {
    ...columns[index]!,
    ...(key === 0 ? {} : { key }),
  };
}
