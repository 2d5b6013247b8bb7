import type { TargetColumn } from '../../../../client-sdk/src/congo/target-column.js';
import type { Change, Column, Row, TableVersion } from '@drc/client-sdk';

export const int = (name: string): Column => ({ name, type: 'int', nullable: false, length: 4 });
export const text = (name: string, nullable = true): Column => ({
  name,
  type: 'text',
  nullable,
  length: 1020,
});

export function tableVersion(
  name: string,
  columns: readonly Column[],
  primaryKey: readonly number[] = [0],
): TableVersion {
  const [schema = '', table = ''] = name.split('.');
  return { schema, table, columns, primaryKey };
}

/** A column of a target, which may be NULL. */
export const targetColumn = (
  name: string,
  dataType: string,
  more: Partial<TargetColumn> = {},
): TargetColumn => ({
  name,
  dataType,
  unsigned: false,
  precision: 0,
  scale: 0,
  decimals: undefined,
  labels: [],
  fraction: undefined,
  length: 0,
  nullable: true,
  autoIncrement: false,
  onUpdate: false,
  optional: true,
  generated: false,
  ...more,
});

interface Flags {
  readonly foreignKeyChecks?: boolean;
  readonly uniqueChecks?: boolean;
}

const context = (version: TableVersion, flags: Flags) => ({
  table: `${version.schema}.${version.table}`,
  tableVersion: version,
  columns: version.columns,
  foreignKeyChecks: true,
  uniqueChecks: true,
  ...flags,
});

export const insert = (version: TableVersion, after: Row, flags: Flags = {}): Change => ({
  kind: 'insert',
  ...context(version, flags),
  after,
});

export const update = (version: TableVersion, before: Row, after: Row, flags: Flags = {}): Change => ({
  kind: 'update',
  ...context(version, flags),
  before,
  after,
});

export const remove = (version: TableVersion, before: Row, flags: Flags = {}): Change => ({
  kind: 'delete',
  ...context(version, flags),
  before,
});

export const ddl = (verb: string, tables: readonly string[], statement?: string): Change => ({
  kind: 'ddl',
  ddl: {
    verb,
    tables,
    ...(statement === undefined ? {} : { text: statement }),
    defaultSchema: '',
    sqlMode: 0,
    charset: [45, 45, 45],
    timeZone: 'SYSTEM',
  },
});
