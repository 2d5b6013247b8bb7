import { DrcError, type TransactionSet } from '@drc/protocol';
import type { SourceIdentity } from '../log/transaction-log.js';
import { binlogFiles, executedAt } from './first-position.js';
import type { SourceControl } from './source-control.js';

/**
 * Whether this server of a topology has all that the log has, by GTIDs alone: places in its files mean nothing to the
 * log of another.
 * @throws DrcError `SOURCE_BEHIND` where it is a replica that may get there yet; `SOURCE_HISTORY_CHANGED` with the
 * transactions that it never will have in `details.missing`; `SOURCE_CONFIG` without GTIDs; `SOURCE_CHANGED` where it is
 * no server of this kind at all
 */
export async function checkCovered(
  control: SourceControl,
  identity: SourceIdentity,
  captured: { readonly identity: SourceIdentity; readonly executed: TransactionSet },
): Promise<void> {
  if (identity.flavour !== captured.identity.flavour)
    throw new DrcError(
      'SOURCE_CHANGED',
      `The log was captured from ${captured.identity.flavour}; this source is ${identity.flavour}.`,
    );
  await needGtids(control, identity, captured.executed);
  const text = captured.executed.toString();
  const state =
    identity.flavour === 'mysql'
      ? undefined
      : ((await control.value('SELECT @@GLOBAL.gtid_binlog_state')) ?? '');
  const lost =
    state === undefined ? await mysqlMissing(control, captured.executed) : mariadbMissing(text, state);
  if (lost === undefined) return;
  if (!lost.isDiverged && (await isReplica(control, identity.flavour)))
    throw new DrcError('SOURCE_BEHIND', `The source is a replica and does not have ${lost.missing} yet.`, {
      missing: lost.missing,
    });
  throw new DrcError(
    'SOURCE_HISTORY_CHANGED',
    `The source does not have transactions of the log, and will not get them: ${lost.missing}.`,
    { missing: lost.missing, ...(state === undefined ? {} : { state }) },
  );
}

async function needGtids(
  control: SourceControl,
  { flavour }: SourceIdentity,
  executed: TransactionSet,
): Promise<void> {
  const mode = flavour === 'mysql' ? ((await control.value('SELECT @@GLOBAL.gtid_mode')) ?? 'OFF') : 'ON';
  const hasPlaces = executed.toString().includes('/');
  if (mode === 'ON' && !hasPlaces) return;
  const why = hasPlaces ? 'the log has transactions without GTIDs' : `gtid_mode is ${mode}`;
  throw new DrcError(
    'SOURCE_CONFIG',
    `Several hosts of one topology need GTIDs: ${why}. Give one host, or switch GTIDs on and begin with a new data folder.`,
    { remedies: ['SET PERSIST gtid_mode = ON'] },
  );
}

export interface Missing {
  /** As text, the way the server writes GTIDs. */
  readonly missing: string;
  /** The server has others in their place: it will never have these. */
  readonly isDiverged: boolean;
}

/**
 * What the source does not have of these; undefined where it has all. A transaction is in the binlog, and here, before it
 * is in @@gtid_executed.
 */
export async function mysqlMissing(
  control: SourceControl,
  executed: TransactionSet,
): Promise<Missing | undefined> {
  // Transactions without GTID stand in the set by their place and cannot be looked up.
  const own = executed
    .toString()
    .split(',')
    .filter((part) => !part.includes('/'))
    .join(',');
  const missing = await control.value('SELECT GTID_SUBTRACT(?, @@GLOBAL.gtid_executed)', [own]);
  if (missing === undefined || missing === '') return undefined;
  const newest = (await binlogFiles(control)).at(-1);
  const written =
    newest === undefined
      ? undefined
      : await executedAt(control, 'mysql', { file: newest.file, offset: newest.size });
  const rest = await control.value('SELECT GTID_SUBTRACT(?, ?)', [missing, written?.toString() ?? '']);
  return rest === undefined || rest === ''
    ? undefined
    : { missing: rest.replaceAll('\n', ''), isDiverged: false };
}

/** @param state `gtid_binlog_state`: for each domain the last sequence of each server, the newest of all last */
export function mariadbMissing(executed: string, state: string): Missing | undefined {
  const theirs = state.split(',').flatMap((text) => gtidOf(text));
  const missing: string[] = [];
  let isDiverged = false;
  for (const own of executed.split(',').flatMap((text) => gtidOf(text))) {
    const domain = theirs.filter((gtid) => gtid.domain === own.domain);
    if (domain.some(({ server, sequence }) => server === own.server && sequence >= own.sequence)) continue;
    missing.push(own.text);
    isDiverged ||= domain.some(({ sequence }) => sequence >= own.sequence);
  }
  return missing.length === 0 ? undefined : { missing: missing.join(','), isDiverged };
}

function gtidOf(text: string): { domain: string; server: string; sequence: bigint; text: string }[] {
  const match = /^\s*(\d+)-(\d+)-(\d+)\s*$/.exec(text);
  return match === null
    ? []
    : [{ domain: match[1]!, server: match[2]!, sequence: BigInt(match[3]!), text: match[0].trim() }];
}

/** Whether it follows another server, running or not. */
async function isReplica(control: SourceControl, flavour: SourceIdentity['flavour']): Promise<boolean> {
  const statements =
    flavour === 'mariadb' ? ['SHOW ALL SLAVES STATUS'] : ['SHOW REPLICA STATUS', 'SHOW SLAVE STATUS'];
  for (const statement of statements) {
    try {
      return (await control.rows(statement)).length > 0;
    } catch (error) {
      // Not every version has the statement, nor the store's user the privilege for it.
      if (!(error instanceof DrcError) || error.details['errno'] === undefined) throw error;
    }
  }
  return (await control.value('SELECT @@GLOBAL.read_only')) !== '0';
}
