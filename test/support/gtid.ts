import type mysql from 'mysql2/promise';
import type { DatabaseServer, Flavour } from './database-server.js';

/** The id of the newest transaction in the server's own binlog; empty where there is none. */
export async function newestId(server: DatabaseServer): Promise<string> {
  if (server.flavour === 'mariadb') {
    const rows = (await server.query('SELECT @@GLOBAL.gtid_binlog_pos AS id')) as { id: string }[];
    return rows[0]!.id;
  }
  const rows = (await server.query('SELECT @@server_uuid AS uuid, @@GLOBAL.gtid_executed AS executed')) as {
    uuid: string;
    executed: string;
  }[];
  const { uuid, executed } = rows[0]!;
  const own = executed.split(/,\s*/).find((part) => part.startsWith(uuid));
  return own === undefined ? '' : newestOf(own);
}

/**
 * Runs statements, the last of which commits, on a connection with `multipleStatements`.
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
  // MySQL has no such variable; it tells with the answer to a statement that commits, where one asks for it.
  const [results] = await connection.query(`SET SESSION session_track_gtids = OWN_GTID; ${sql}`);
  const ids = (results as readonly MysqlAnswer[]).flatMap(({ stateChanges }) => stateChanges?.gtids ?? []);
  const last = ids.at(-1);
  if (last === undefined) throw new Error(`No transaction was made by ${sql.slice(0, 100)}`);
  return newestOf(last);
}

/** What mysql2 makes of an answer without rows; its types do not have it. */
interface MysqlAnswer {
  readonly stateChanges?: { readonly gtids?: readonly string[] };
}

/** `uuid:1-3:5-7` is `uuid:7`. */
const newestOf = (set: string): string => set.replace(/:.*?(\d+)$/, ':$1');
