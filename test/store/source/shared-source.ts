import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startServer, type DatabaseServer, type Flavour } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { CaptureRig } from './capture-rig.js';

export const orders = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20))';

/** Ends the binlog and begins it anew: the first file is empty. */
export const resetBinlog = (flavour: Flavour): string =>
  flavour === 'mariadb' ? 'RESET MASTER' : 'RESET BINARY LOGS AND GTIDS';

/** One server for the tests around it: before each it is as if it had just been installed. */
export function sharedSource(flavour: Flavour): () => DatabaseServer {
  let server: DatabaseServer | undefined;
  beforeAll(async () => {
    server = await startServer(flavour);
  });
  afterAll(() => server?.stop());
  beforeEach(() => empty(server!));
  return () => server!;
}

async function empty(server: DatabaseServer): Promise<void> {
  const schemas = (await server.query(
    "SELECT SCHEMA_NAME AS name FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')",
  )) as { name: string }[];
  const drops = schemas.map(({ name }) => `DROP DATABASE \`${name}\`;`).join(' ');
  await server.query(
    `SET sql_log_bin = 0; ${drops} DROP USER IF EXISTS someone; REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'plain'@'127.0.0.1'; ${resetBinlog(server.flavour)}`,
  );
}

/** Without what mysql2 does not know. */
export const plain = (server: DatabaseServer) => ({
  host: server.host,
  port: server.port,
  user: server.user,
  password: server.password,
});

/** What the plain user of test servers may do then is all that a store needs. */
export const grantCapture = ({ flavour }: DatabaseServer): string =>
  `GRANT REPLICATION SLAVE, ${flavour === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT'} ON *.* TO 'plain'@'127.0.0.1'; GRANT SELECT ON shop.* TO 'plain'@'127.0.0.1'`;

/** Begins now, and has captured what the statements write. */
export async function captured(
  server: DatabaseServer,
  sql: string,
  args: Partial<Parameters<typeof CaptureRig.start>[0]> = {},
): Promise<CaptureRig> {
  const rig = await CaptureRig.start({ source: server, start: { kind: 'now' }, ...args });
  try {
    await rig.until(() => rig.capture.state.kind === 'streaming');
    await server.query(sql);
    await rig.reaches(await newestId(server));
    return rig;
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
}

/** The changes as short text: what a test wants to compare at a glance. */
export async function story(rig: CaptureRig): Promise<string[][]> {
  return (await rig.transactions()).map(({ changes }) =>
    changes.map((change) => {
      if (change.kind === 'ddl') return change.ddl.verb;
      const images = [
        ...('before' in change ? [change.before] : []),
        ...('after' in change ? [change.after] : []),
      ].map((row) => Object.values(row).join(','));
      return `${change.kind} ${change.table} ${images.join(' > ')}`;
    }),
  );
}
