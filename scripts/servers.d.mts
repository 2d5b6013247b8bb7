export type Flavour = 'mariadb' | 'mysql';

/** A database server program of this machine. */
export interface ServerProgram {
  readonly program: string;
  readonly flavour: Flavour;
  /** for example `10.11.6` */
  readonly version: string;
}

export function readVersion(text: string): Omit<ServerProgram, 'program'> | undefined;
export function programFolders(environment?: NodeJS.ProcessEnv): string[];
export function findProgram(
  names: readonly string[],
  folders?: readonly string[],
): Promise<string | undefined>;
export function identify(program: string): Promise<ServerProgram | undefined>;
export function findServers(folders?: readonly string[]): Promise<ServerProgram[]>;
export const flavours: Readonly<Record<Flavour, { readonly title: string; readonly variable: string }>>;
export function findServer(
  flavour: Flavour,
  environment?: NodeJS.ProcessEnv,
): Promise<ServerProgram | undefined>;
export function findMariadb(environment?: NodeJS.ProcessEnv): Promise<ServerProgram | undefined>;
export function findMysql(environment?: NodeJS.ProcessEnv): Promise<ServerProgram | undefined>;
export function findCompanion(server: ServerProgram, names: readonly string[]): Promise<string | undefined>;
export function installDatabase(
  server: ServerProgram,
  dataDir: string,
  args?: readonly string[],
): Promise<void>;
export function userArguments(): string[];

export interface ZooKeeperProgram {
  readonly java: string;
  readonly jar: string;
}

export function findZooKeeper(environment?: NodeJS.ProcessEnv): Promise<ZooKeeperProgram | undefined>;
