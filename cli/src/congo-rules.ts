import type { TableRule } from '@drc/client-sdk/congo';
import { z } from 'zod';

/*
 * The rules of a task, as its file has them. What each means stands with `TableRule`; here is only the shape, so that a schema of the
 * file can be made from it.
 */

const name = z.string().min(1);
const expression = name.describe('SQL expression, see expressions.md');

const shard = z
  .strictObject({
    by: expression.describe('column or SQL expression that tells the shard'),
    with: z.enum(['mod', 'hash', 'range', 'list']).default('mod'),
    into: z.union([
      z.number().int().min(1),
      z.array(z.strictObject({ name, below: z.union([z.string(), z.number()]).optional() })).min(1),
      z.record(name, z.union([z.literal('*'), z.array(z.union([z.string(), z.number()]))])),
    ]),
    tablesPerSchema: z.number().int().min(1).optional(),
  })
  .describe('divides the rows among several tables');

/** One rule of `tables`. */
export const tableRule = z.strictObject({
  from: name.describe('schema.table of the source, with * and ?'),
  to: name.optional().describe('schema.table of the target; {schema}, {table}, {1}, {shard} are filled in'),
  where: expression.optional().describe('SQL condition on the source row: only these rows'),
  columns: z.array(name).min(1).optional().describe('source columns that are written; default all'),
  drop: z.array(name).min(1).optional().describe('source columns that are not written'),
  rename: z.record(name, name).optional().describe('source column: target column'),
  set: z.record(name, expression).optional().describe('target column: SQL expression'),
  key: z.array(name).min(1).optional().describe('target columns that find a row'),
  shard: shard.optional(),
  action: z.enum(['mirror', 'append', 'softDelete', 'insertOnly']).optional(),
  before: name.optional().describe('append: name of the columns of the image before, with {column}'),
  deleted: z.record(name, expression).optional().describe('softDelete: target column: SQL expression'),
  onDuplicate: z.enum(['error', 'overwrite', 'keep']).optional(),
  onMissingUpdate: z.enum(['error', 'insert', 'ignore']).optional(),
  onMissingDelete: z.enum(['error', 'ignore']).optional(),
});

/** Without what is not there: the library tells absent from undefined. */
export function toTableRule(rule: z.infer<typeof tableRule>): TableRule {
  const given = Object.entries(rule).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as TableRule;
}
