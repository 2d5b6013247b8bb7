import { DrcError, type SnapshotProgress, type Subscribe } from '@drc/protocol';
import type { Logger } from 'pino';
import { SnapshotCopy } from '../table-copy/snapshot-copy.js';
import { plannedTables } from '../table-copy/snapshot-plan.js';
import type { Ticket } from './authorize.js';
import type { CopyingReader } from './delivery.js';
import type { Filter } from './filter.js';
import { mustHaveRight } from './rights.js';
import type { SessionEnvironment } from './session-environment.js';
import { TablePatterns } from './table-patterns.js';

/**
 * How the tables that a client wants are copied; undefined where it wants none.
 * @param checkpointed what its checkpoint says
 * @throws DrcError `SNAPSHOT_UNAVAILABLE`, `FORBIDDEN` without the right
 */
export function copiedTables(
  { snapshots, clock }: SessionEnvironment,
  { grant }: Ticket,
  { snapshot }: Subscribe,
  filter: Filter,
  checkpointed: SnapshotProgress | undefined,
  logger: Logger,
): ((reader: CopyingReader) => SnapshotCopy) | undefined {
  if (snapshot === undefined) return undefined;
  if (snapshots === undefined)
    throw new DrcError('SNAPSHOT_UNAVAILABLE', 'This store copies no tables (snapshots.enabled).');
  // Kept before it was known which tables there are: nothing has come of them.
  const progress = checkpointed?.isPlanned === true ? checkpointed : undefined;
  const begun = [...(progress?.tables.keys() ?? [])].filter((table) => progress?.isCopying(table) === true);
  const wanted = new TablePatterns(snapshot.tables);
  mustHaveRight(grant, 'snapshot', [...snapshot.tables, ...begun]);
  const plan = (tables: readonly string[]): readonly string[] => {
    const there = new Set(tables);
    const absent = wanted.names.find((name) => !there.has(name) && progress?.of(name) === undefined);
    if (absent !== undefined)
      throw new DrcError('TABLE_UNKNOWN', `The source has no table ${absent} that could be copied.`, {
        table: absent,
      });
    return plannedTables({
      progress,
      tables,
      names: wanted.names,
      matches: (table) => wanted.globs.some((glob) => glob.matches(table)),
      wants: (table) => filter.wantsTable(table),
    });
  };
  return (reader) =>
    new SnapshotCopy({
      ...reader,
      place: (signal) => snapshots.place(signal),
      progress,
      plan,
      logger,
      now: () => clock.now(),
    });
}
