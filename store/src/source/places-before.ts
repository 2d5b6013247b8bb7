import { TransactionSet } from '@drc/protocol';
import type { SourceIdentity, SourcePosition } from '../log/transaction-log.js';
import type { SourceControl } from './source-control.js';

/** The magic number in front of the first event. */
const firstEventOffset = 4;
/** A page of SHOW BINLOG EVENTS. */
const eventsPerPage = 2_000;

/**
 * The transactions without GTIDs before this position, as far as the files tell: those of the same file one by one, those
 * of older files as the beginning of this one. Without them a checkpoint from before the log would be taken for one that
 * misses nothing. Empty where the source writes GTIDs only: a place would forbid to go on at another host.
 */
export async function placesBefore(
  control: SourceControl,
  flavour: SourceIdentity['flavour'],
  { file, offset }: SourcePosition,
): Promise<TransactionSet> {
  const places = new TransactionSet();
  if (flavour === 'mariadb') return places;
  if ((await control.value('SELECT @@GLOBAL.gtid_mode')) === 'ON') return places;
  if (Number(/\d+$/.exec(file)?.[0]) !== 1) {
    const serverId = await control.value('SELECT @@GLOBAL.server_id');
    places.add(`${serverId}/${file}:${firstEventOffset}`);
  }
  for (let from = firstEventOffset; from < offset; ) {
    const rows = await control.rows(`SHOW BINLOG EVENTS IN ? FROM ${from} LIMIT ${eventsPerPage}`, [file]);
    for (const row of rows) {
      from = Number(row['Pos']);
      if (from >= offset) break;
      // What a replica wrote has the server id of where it comes from.
      if (row['Event_type'] === 'Anonymous_Gtid') places.add(`${String(row['Server_id'])}/${file}:${from}`);
    }
    // The next page begins with the last event of this one.
    if (rows.length < eventsPerPage) break;
  }
  return places;
}
