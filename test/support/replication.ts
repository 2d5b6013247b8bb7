import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, type DatabaseServer, type Flavour } from './database-server.js';

/** A server that follows this one by GTID and writes what it applies to its own binlog. */
export async function startReplica(primary: DatabaseServer, serverId = 2): Promise<DatabaseServer> {
  const args: Readonly<Record<Flavour, readonly string[]>> = {
    mariadb: ['--log-slave-updates=ON'],
    mysql: ['--log-replica-updates=ON'],
  };
  const replica = await startServer(primary.flavour, { serverId, args: args[primary.flavour] });
  const { host, port, user } = primary;
  await replica.query(
    primary.flavour === 'mariadb'
      ? `CHANGE MASTER TO MASTER_HOST='${host}', MASTER_PORT=${port}, MASTER_USER='${user}', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos; START SLAVE`
      : `CHANGE REPLICATION SOURCE TO SOURCE_HOST='${host}', SOURCE_PORT=${port}, SOURCE_USER='${user}', SOURCE_CONNECT_RETRY=1,
         SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA`,
  );
  return replica;
}

/** Ends replication for good: from here on it is a server of its own. */
export async function promote(replica: DatabaseServer): Promise<void> {
  await replica.query(
    replica.flavour === 'mariadb' ? 'STOP SLAVE; RESET SLAVE ALL' : 'STOP REPLICA; RESET REPLICA ALL',
  );
}

/** The replica goes on receiving, but applies nothing until `resumeApplying`. */
export async function pauseApplying(replica: DatabaseServer): Promise<void> {
  await replica.query(replica.flavour === 'mariadb' ? 'STOP SLAVE SQL_THREAD' : 'STOP REPLICA SQL_THREAD');
}

export async function resumeApplying(replica: DatabaseServer): Promise<void> {
  await replica.query(replica.flavour === 'mariadb' ? 'START SLAVE SQL_THREAD' : 'START REPLICA SQL_THREAD');
}

/** Waits until the replica has all that the primary has. */
export async function replicated(primary: DatabaseServer, replica: DatabaseServer): Promise<void> {
  const variable = primary.flavour === 'mariadb' ? 'gtid_binlog_pos' : 'gtid_executed';
  const read = async (server: DatabaseServer): Promise<string> =>
    ((await server.query(`SELECT @@GLOBAL.${variable} AS gtids`)) as { gtids: string }[])[0]!.gtids;
  const wanted = await read(primary);
  const deadline = Date.now() + 30_000;
  while ((await read(replica)) !== wanted) {
    if (Date.now() > deadline) throw new Error(`The replica has ${await read(replica)}, not ${wanted}.`);
    await sleep(20);
  }
}
