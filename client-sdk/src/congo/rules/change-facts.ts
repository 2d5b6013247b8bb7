import type { Column, TableVersion } from '@drc/protocol';
import type { Transaction } from '../../index.js';

/**
 * What expressions may ask about a change beside its row, as columns whose names begin with `$`:
 * `$operation` insert, update or delete · `$transaction` the source transaction's id · `$topic` · `$schema`, `$table` of the source ·
 * `$committed_at` when the source committed, UTC, whole seconds · `$committed_at_us` the same with microseconds (MariaDB has none).
 */
export const factColumns: readonly Column[] = [
  { name: '$operation', type: 'enum', nullable: false, labels: ['insert', 'update', 'delete'] },
  { name: '$transaction', type: 'text', nullable: false },
  { name: '$topic', type: 'text', nullable: false },
  { name: '$schema', type: 'text', nullable: false },
  { name: '$table', type: 'text', nullable: false },
  { name: '$committed_at', type: 'datetime', nullable: false, scale: 0 },
  { name: '$committed_at_us', type: 'datetime', nullable: false, scale: 6 },
];

export type Operation = 'insert' | 'update' | 'delete';

/** The values of `factColumns`, for one change. */
export function factsOf(
  operation: Operation,
  { schema, table }: TableVersion,
  { id, topic, commitTimeMicros }: Pick<Transaction, 'id' | 'topic' | 'commitTimeMicros'>,
): readonly unknown[] {
  const seconds = new Date(Math.floor(commitTimeMicros / 1_000_000) * 1000)
    .toISOString()
    .slice(0, 19)
    .replace('T', ' ');
  const micros = String(commitTimeMicros % 1_000_000).padStart(6, '0');
  return [operation, id, topic, schema, table, seconds, `${seconds}.${micros}`];
}

/** A table version of which expressions may also ask for the facts of the change. */
export const withFacts = (version: TableVersion): TableVersion => ({
  ...version,
  columns: [...version.columns, ...factColumns],
});
