import type { DatabaseServer } from '../../support/database-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { type RunningCommand, startCommand } from './command.js';

export const replicaUser = { user: 'repl', password: 'pa:ss w%rd"1' } as const;

/** A user with just the rights that capture needs. */
export async function addReplicaUser(source: DatabaseServer): Promise<void> {
  const { user, password } = replicaUser;
  const monitor = source.flavour === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT';
  await source.query(`
    CREATE USER '${user}'@'%' IDENTIFIED BY '${password}';
    GRANT REPLICATION SLAVE, ${monitor}, SELECT ON *.* TO '${user}'@'%'`);
}

export const devArguments = (source: { port: number; user?: string }, topic = 'shop'): string[] => [
  'dev',
  '--source',
  `mysql://${source.user ?? 'root'}@127.0.0.1:${source.port}`,
  '--topic',
  topic,
  '--port',
  '0',
  '--store-port',
  '0',
];

export interface DevHub extends AsyncDisposable {
  readonly command: RunningCommand;
  readonly folder: TemporaryFolder;
  /** From the banner. */
  readonly manager: string;
  readonly store: string;
  readonly password: string;
}

/** `drc dev` in a folder of its own; resolves with its banner. */
export async function startDev(source: DatabaseServer, extra: readonly string[] = []): Promise<DevHub> {
  const folder = await temporaryFolder('dev');
  const command = startCommand([...devArguments(source), ...extra], {
    cwd: folder.path,
    env: { DRC_SOURCE_PASSWORD: source.password },
  });
  const dispose = async (): Promise<void> => {
    await command[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await command.prints(/drc tail shop --from \S+/);
    return {
      command,
      folder,
      manager: /cluster manager +(\S+)/.exec(command.stdout)![1]!,
      store: /store +(\S+)/.exec(command.stdout)![1]!,
      password: /password +(\S+)/.exec(command.stdout)![1]!,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
