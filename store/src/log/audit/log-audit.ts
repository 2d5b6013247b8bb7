import { soundPoints } from '../log-proof.js';
import type { LogPoint } from '../set-index.js';
import type { StoppedLog } from '../stopped-log.js';
import { CatalogAudit } from './catalog-audit.js';
import { chunkBursts } from './chunk-bursts.js';
import { auditEnds, auditRecords, auditTrimmedTime, countLeftOver } from './ends-audit.js';
import { FaultList, type LogFault } from './fault-list.js';
import { IndexAudit } from './index-audit.js';
import { auditPrepared, type PreparedTransaction } from './prepared-audit.js';
import { TransactionAudit, type AuditCounts, type AuditedGap } from './transaction-audit.js';

/** How far an audit is. */
export interface AuditProgress {
  readonly transactions: number;
  readonly ofTransactions: number;
  readonly rows: number;
  readonly bytes: number;
  readonly faults: number;
}

/** What a log holds of one table. */
export interface TableContents {
  /** `schema.table` */
  readonly name: string;
  readonly versions: number;
  readonly rows: number;
}

/** What was found in a whole log, and all that is wrong with it. */
export interface LogAudit extends AuditCounts {
  /** The first and the last transaction that should be there; `last` is `first` - 1 where there is none. */
  readonly first: number;
  readonly last: number;
  /** Log times of the first and the last that are sound, ms since 1970; undefined where there is none. */
  readonly times: { readonly oldest: number; readonly newest: number } | undefined;
  /** By name. */
  readonly tables: readonly TableContents[];
  readonly prepared: readonly PreparedTransaction[];
  readonly gapCount: number;
  readonly gaps: readonly AuditedGap[];
  /** Chunks that nobody reads and the store deletes: of a transaction that never came to its end, or trimmed and not deleted yet. */
  readonly leftOver: number;
  readonly faultCount: number;
  readonly faults: readonly LogFault[];
}

export interface AuditOptions {
  readonly signal: AbortSignal;
  /** Called every few MiB. */
  readonly progress?: (progress: AuditProgress) => void;
}

/**
 * Reads a whole log and checks each law that its content can be held against. Nothing is changed, and no fault ends it: all of
 * them are told.
 */
export async function auditLog(
  { db, meta, mark, markFault }: StoppedLog,
  { signal, progress }: AuditOptions,
): Promise<LogAudit> {
  const faults = new FaultList();
  const { tail, beginning } = meta;
  if (markFault !== undefined) faults.add('mark', 'the durable mark', markFault);
  let head: LogPoint | undefined;
  for await (const point of soundPoints(db, tail.lsn - 1)) head = point;
  const headLsn = head?.lsn ?? tail.lsn - 1;
  auditEnds(meta, mark, head, faults);
  await auditRecords(db, faults);
  const catalog = await CatalogAudit.open(db, faults);
  const index = await IndexAudit.open(db, tail, beginning?.sinceLsn ?? 1, faults);
  const audit = new TransactionAudit(tail.lsn, catalog, index, faults);
  const ofTransactions = headLsn + 1 - tail.lsn;
  for await (const burst of chunkBursts(db, tail.lsn, headLsn, signal)) {
    if (burst.kind === 'unreadable') {
      await audit.unreadable(burst.from, burst.to, burst.why);
      continue;
    }
    for (const [key, stored] of burst.entries) {
      const wait = audit.take(key, stored);
      if (wait !== undefined) await wait;
    }
    const { rows, bytes } = audit.counts;
    progress?.({ transactions: audit.lsn - tail.lsn, ofTransactions, rows, bytes, faults: faults.count });
  }
  await audit.finish(headLsn);
  await index.finish();
  if (audit.times !== undefined) auditTrimmedTime(meta, audit.times.oldest, faults);
  const prepared = await auditPrepared(db, headLsn, catalog, faults);
  catalog.finish();
  return {
    ...audit.counts,
    first: tail.lsn,
    last: headLsn,
    times: audit.times,
    tables: tablesOf(catalog),
    prepared,
    gapCount: audit.gaps.count,
    gaps: audit.gaps.first,
    leftOver: await countLeftOver(db, meta, headLsn, faults),
    faultCount: faults.count,
    faults: faults.faults,
  };
}

function tablesOf(catalog: CatalogAudit): readonly TableContents[] {
  const byName = new Map<string, { versions: number; rows: number }>();
  for (const { name, rows } of catalog.tables) {
    const table = byName.get(name) ?? { versions: 0, rows: 0 };
    byName.set(name, { versions: table.versions + 1, rows: table.rows + rows });
  }
  return [...byName]
    .map(([name, table]) => ({ name, ...table }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
