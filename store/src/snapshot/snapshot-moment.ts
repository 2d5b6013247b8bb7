import { DrcError, TransactionSet } from '@drc/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SnapshotSession } from './snapshot-session.js';

/**
 * A moment of the source at which its rows are read. What a transaction of `low` did can be seen, and what one that is not in `high`
 * did cannot.
 */
export interface SnapshotMoment {
  readonly low: TransactionSet;
  readonly high: TransactionSet;
}

/**
 * Begins a transaction that sees the rows of one moment, and tells where in the stream that is.
 *
 * MariaDB knows the place of a snapshot in its binlog exactly, and the GTIDs of a place. It must not be `gtid_binlog_pos`, which is
 * ahead of what can be seen: a transaction is in the binlog before it is in the engine.
 *
 * MySQL knows the place of no snapshot. `gtid_executed` is never ahead of what can be seen, so what it says before is seen. But
 * a transaction can be seen a little before it is in there: in between, and from before it could be seen, it is in `gtid_owned`.
 *
 * @throws DrcError `SNAPSHOT_NEEDS_GTID` · `SOURCE_LOST` where the place cannot be told this time · as the source's answer says
 */
export async function beginMoment(session: SnapshotSession, signal: AbortSignal): Promise<SnapshotMoment> {
  return session.flavour === 'mariadb'
    ? await mariadbMoment(session, signal)
    : await mysqlMoment(session, signal);
}

/** Ends the transaction. */
export async function endMoment(session: SnapshotSession, signal: AbortSignal): Promise<void> {
  await session.rows('COMMIT', [], signal);
}

const begin = 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY';

async function mariadbMoment(session: SnapshotSession, signal: AbortSignal): Promise<SnapshotMoment> {
  await session.rows(begin, [], signal);
  const status = await session.rows("SHOW SESSION STATUS LIKE 'binlog_snapshot_%'", [], signal);
  const valueOf = (name: string): string =>
    String(status.find((row) => String(row['Variable_name']).toLowerCase() === name)?.['Value'] ?? '');
  const file = valueOf('binlog_snapshot_file');
  const position = valueOf('binlog_snapshot_position');
  const [row] = await session.rows(
    'SELECT BINLOG_GTID_POS(?, ?) AS position',
    [file, Number(position)],
    signal,
  );
  const gtids = row?.['position'];
  // NULL: the file was purged between the two questions.
  if (typeof gtids !== 'string' || file === '')
    throw new DrcError(
      'SOURCE_LOST',
      `The source does not say which GTIDs stand before ${file}:${position}.`,
    );
  const exact = TransactionSet.parse(gtids);
  return { low: exact, high: exact };
}

/**
 * So long a transaction is waited for that may have become visible already, ms, and for so many answers of the source. Between
 * becoming visible and being executed lies nothing but the end of its group's commit. What takes longer has not got there: a
 * large transaction, or one for which a session has reserved a GTID.
 */
const settlingMs = 5_000;
const settlingAnswers = 50;
const settlingPauseMs = 2;

async function mysqlMoment(session: SnapshotSession, signal: AbortSignal): Promise<SnapshotMoment> {
  const executed = async (): Promise<string> => await gtidExecuted(session, signal);
  const owned = async (): Promise<readonly string[]> =>
    ownedGtids(String((await session.row('SELECT @@GLOBAL.gtid_owned AS gtids', signal))['gtids']));
  const low = TransactionSet.parse(await executed());
  await session.rows(begin, [], signal);
  let pending = await owned();
  const until = performance.now() + settlingMs;
  for (let answers = 0; pending.length > 0; answers++) {
    if (performance.now() > until && answers > settlingAnswers) break;
    if (answers > 0) await sleep(settlingPauseMs, undefined, { signal });
    const still = new Set(await owned());
    pending = pending.filter((id) => still.has(id));
  }
  return { low, high: TransactionSet.parse(await executed()) };
}

async function gtidExecuted(session: SnapshotSession, signal: AbortSignal): Promise<string> {
  const row = await session.row('SELECT @@GLOBAL.gtid_mode AS mode, @@GLOBAL.gtid_executed AS gtids', signal);
  if (row['mode'] !== 'ON')
    throw new DrcError('SNAPSHOT_NEEDS_GTID', `The source has gtid_mode = ${row['mode']}.`, {
      mode: String(row['mode']),
    });
  return String(row['gtids']);
}

/** Whether a moment’s place in the stream can be told. @throws DrcError `SNAPSHOT_NEEDS_GTID` */
export async function checkMoments(session: SnapshotSession, signal: AbortSignal): Promise<void> {
  if (session.flavour === 'mysql') await gtidExecuted(session, signal);
}

/**
 * `gtid_owned` by GTID: which transactions have one and are not executed. Each is followed by its thread, and may be by others of
 * its source.
 *
 *   owned  = "" | source *("," source)      source = uuid 1*(":" [tag ":"] number "#" thread)
 */
export function ownedGtids(owned: string): readonly string[] {
  return owned
    .split(',')
    .map((source) => source.trim())
    .filter((source) => source !== '')
    .flatMap((source) => {
      const [uuid, ...sections] = source.split(':');
      let tag = '';
      return sections.flatMap((section) => {
        if (!section.includes('#')) {
          tag = `${section}:`;
          return [];
        }
        return [`${uuid}:${tag}${section.slice(0, section.indexOf('#'))}`];
      });
    });
}
