import { escapeId } from 'mysql2';

/** A table's qualified name in two parts, as the server stores them: unquoted. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** `schema.table`, for people. */
export const nameOf = ({ schema, table }: TableName): string => `${schema}.${table}`;

/** As a statement has it, quoted. */
export const tableName = ({ schema, table }: TableName): string =>
  `${escapeId(schema, true)}.${escapeId(table, true)}`;

/** In two parts; a schema with a dot in its name cannot be written so. Undefined where a part is missing. */
export function splitName(text: string): TableName | undefined {
  const dot = text.indexOf('.');
  if (dot < 1 || dot === text.length - 1) return undefined;
  return { schema: text.slice(0, dot), table: text.slice(dot + 1) };
}
