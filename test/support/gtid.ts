import type mysql from 'mysql2/promise';
import type { DatabaseServer, Flavour } from './database-server.js';

/**
 * The id of the newest transaction in the server's own binlog; empty where there is none. Without GTIDs its place in the
 * newest file that has one.
 */
export async function newestId(server: DatabaseServer): Promise<string> {
  if (server.flavour === 'mariadb') {
    const rows = (await server.query('SELECT @@GLOBAL.gtid_binlog_pos AS id')) as { id: string }[];
    return rows[0]!.id;
  }
  const rows = (await server.query(
    'SELECT @@server_uuid AS uuid, @@GLOBAL.gtid_executed AS executed, @@GLOBAL.gtid_mode AS mode',
  )) as { uuid: string; executed: string; mode: string }[];
  const { uuid, executed, mode } = rows[0]!;
  if (mode.startsWith('OFF')) return await newestPlace(server);
  const own = executed.split(/,\s*/).find((part) => part.startsWith(uuid));
  return own === undefined ? '' : newestOf(own);
}

async function newestPlace(server: DatabaseServer): Promise<string> {
  const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
  for (const { Log_name: file } of files.toReversed()) {
    const place = lastPlace(file, await server.query(`SHOW BINLOG EVENTS IN '${file}'`));
    if (place !== undefined) return place;
  }
  return '';
}

/** Where the last transaction without GTID begins among these events of a file. */
function lastPlace(file: string, events: unknown): string | undefined {
  const last = (
    events as { Event_type: string; Server_id: number | string; Pos: number | string }[]
  ).findLast(({ Event_type: type }) => type === 'Anonymous_Gtid');
  return last === undefined ? undefined : `${last.Server_id}/${file}:${last.Pos}`;
}

/**
 * Runs statements, the last of which commits, on a connection with `multipleStatements`. Without GTIDs nobody else may
 * write meanwhile.
 * @returns the id of the last transaction that they made
 */
export async function committedId(
  connection: mysql.Connection,
  flavour: Flavour,
  sql: string,
): Promise<string> {
  if (flavour === 'mariadb') {
    const [results] = await connection.query<mysql.RowDataPacket[][]>(`${sql}; SELECT @@last_gtid AS id`);
    return String(results.at(-1)![0]!['id']);
  }
  // Asked for where it is needed only: it takes a privilege.
  const [modes] = await connection.query<mysql.RowDataPacket[]>('SELECT @@GLOBAL.gtid_mode AS mode');
  if (String(modes[0]!['mode']).startsWith('OFF')) return await committedPlace(connection, sql);
  // MySQL has no such variable; it tells with the answer to a statement that commits, where one asks for it.
  const [results] = await connection.query(`SET SESSION session_track_gtids = OWN_GTID; ${sql}`);
  const ids = (results as readonly MysqlAnswer[]).flatMap(({ stateChanges }) => stateChanges?.gtids ?? []);
  const last = ids.at(-1);
  if (last === undefined) throw nothingMade(sql);
  return newestOf(last);
}

async function committedPlace(connection: mysql.Connection, sql: string): Promise<string> {
  const [status] = await connection.query<mysql.RowDataPacket[]>('SHOW BINARY LOG STATUS');
  const { File: file, Position: from } = status[0] as { File: string; Position: number };
  await connection.query(sql);
  const [events] = await connection.query('SHOW BINLOG EVENTS IN ? FROM ?', [file, from]);
  const place = lastPlace(file, events);
  if (place === undefined) throw nothingMade(sql);
  return place;
}

const nothingMade = (sql: string): Error => new Error(`No transaction was made by ${sql.slice(0, 100)}`);

/** What mysql2 makes of an answer without rows; its types do not have it. */
interface MysqlAnswer {
  readonly stateChanges?: { readonly gtids?: readonly string[] };
}

/** `uuid:1-3:5-7` is `uuid:7`. */
const newestOf = (set: string): string => set.replace(/:.*?(\d+)$/, ':$1');
