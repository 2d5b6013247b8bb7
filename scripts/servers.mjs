/**
 * Finds database programs on this machine. Node's built-ins only: it runs before anything is installed.
 *
 * A program is known by what `--version` says, never by its file name: `mysqld` may well be MariaDB.
 */
import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where servers are installed although a user's PATH often lacks it. */
const usualFolders = [
  '/usr/local/sbin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/bin',
  '/usr/libexec',
  '/usr/local/mysql/bin',
  '/opt/homebrew/bin',
  '/opt/homebrew/opt/mariadb/bin',
  '/usr/local/opt/mariadb/bin',
  '/opt/homebrew/opt/mysql/bin',
  '/usr/local/opt/mysql/bin',
  // Where scripts/install-mysql puts it.
  '/opt/mysql-lts/bin',
];

const serverNames = ['mariadbd', 'mysqld'];

/**
 * What a `--version` line says, or undefined where it is no database program's.
 * `/usr/sbin/mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu` is MariaDB,
 * `/usr/sbin/mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)` is MySQL.
 */
export function readVersion(text) {
  // Clients print two versions, `Ver 15.1 Distrib 10.11.6-MariaDB`; the second is the one that counts.
  const match = /(?:Distrib|Ver|from)\s+(\d+\.\d+\.\d+)(\S*)/.exec(text);
  if (match === null || !/mysql|mariadb/i.test(text)) return undefined;
  return { flavour: /mariadb/i.test(text) ? 'mariadb' : 'mysql', version: match[1] };
}

/** Folders in which programs are looked for, in this order, each once. */
export function programFolders(environment = process.env) {
  const path = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...new Set([...path, ...usualFolders])];
}

/** The first executable file of one of these names, or undefined. `folders` defaults to PATH and the usual places. */
export async function findProgram(names, folders = programFolders()) {
  for await (const program of candidates(names, folders)) return program;
  return undefined;
}

async function* candidates(names, folders) {
  for (const folder of folders) {
    for (const name of names) {
      const program = join(folder, name);
      try {
        await access(program, constants.X_OK);
        yield program;
      } catch {
        // not here
      }
    }
  }
}

/** `{ program, flavour, version }` of a database program, or undefined where it is none or does not run. */
export async function identify(program) {
  try {
    const { stdout } = await run(program, ['--no-defaults', '--version'], { timeout: 20_000 });
    const found = readVersion(stdout);
    return found === undefined ? undefined : { program, ...found };
  } catch {
    return undefined;
  }
}

/** Every database server found, best place first; the same file under two names counts once. */
export async function findServers(folders = programFolders()) {
  const servers = [];
  for await (const server of serversIn(folders)) servers.push(server);
  return servers;
}

async function* serversIn(folders) {
  const seen = new Set();
  for await (const program of candidates(serverNames, folders)) {
    const file = await realpath(program);
    if (seen.has(file)) continue;
    seen.add(file);
    const server = await identify(program);
    if (server !== undefined) yield server;
  }
}

/** What people call a flavour, and the variable that names its server program outright. */
export const flavours = {
  mariadb: { title: 'MariaDB', variable: 'DRC_TEST_MARIADBD' },
  mysql: { title: 'MySQL', variable: 'DRC_TEST_MYSQLD' },
};

/**
 * `{ java, jar }` to start a ZooKeeper server with, or undefined. DRC_TEST_ZOOKEEPER names its jar outright; otherwise it is
 * where Debian's libzookeeper-java puts it. The jar names all that it needs beside it.
 */
export async function findZooKeeper(environment = process.env) {
  const java = await findProgram(['java'], programFolders(environment));
  const jar = environment.DRC_TEST_ZOOKEEPER ?? '/usr/share/java/zookeeper.jar';
  return java !== undefined && existsSync(jar) ? { java, jar } : undefined;
}

/**
 * The server of this flavour to use for tests, demo and benches, or undefined. Its variable names it outright; it is
 * an error if that is not such a server.
 */
export async function findServer(flavour, environment = process.env) {
  const { title, variable } = flavours[flavour];
  const named = environment[variable];
  if (named !== undefined && named !== '') {
    const server = await identify(named);
    if (server?.flavour !== flavour) throw new Error(`${variable}=${named} is not a ${title} server.`);
    return server;
  }
  for await (const server of serversIn(programFolders(environment)))
    if (server.flavour === flavour) return server;
  return undefined;
}

export const findMariadb = (environment) => findServer('mariadb', environment);
export const findMysql = (environment) => findServer('mysql', environment);

/**
 * A program that belongs to the server: looked for beside it first, then in its package's bin folder, then everywhere.
 * For example `findCompanion(server, ['mariadb-binlog', 'mysqlbinlog'])`.
 */
export async function findCompanion(server, names) {
  const folder = dirname(await realpath(server.program));
  const beside = ['.', '../bin', '../scripts'].map((path) => join(folder, path));
  return findProgram(names, [...beside, ...programFolders()]);
}

/**
 * Fills an absent or empty folder with a new database: root without a password, on this machine only.
 * Starts nothing that listens. `args` go to the server that does it, for example `--innodb-log-file-size=16M`.
 */
export async function installDatabase(server, dataDir, args = []) {
  const [installer, ...command] =
    server.flavour === 'mysql' ? mysqlInstaller(server) : await mariadbInstaller(server);
  // tmpdir is not /tmp: a server that starts deletes the temporary tables of others there.
  const folders = [`--datadir=${dataDir}`, `--tmpdir=${dirname(dataDir)}`];
  try {
    await run(installer, ['--no-defaults', ...folders, ...command, ...userArguments(), ...args], {
      timeout: 120_000,
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (error) {
    throw new Error(`${installer} failed:\n${error.stdout ?? ''}${error.stderr ?? ''}`, { cause: error });
  }
}

/** MySQL's server does it itself. */
const mysqlInstaller = (server) => [server.program, '--initialize-insecure'];

async function mariadbInstaller(server) {
  const installer = await findCompanion(server, ['mariadb-install-db', 'mysql_install_db']);
  if (installer === undefined)
    throw new Error(`No mariadb-install-db found that belongs to ${server.program}.`);
  const base = await baseFolder(server);
  return [
    installer,
    ...(base === undefined ? [] : [`--basedir=${base}`]),
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ];
}

/** The server refuses to run as root unless told to; nobody else may choose a user. */
export function userArguments() {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}

/** An unpacked archive's own folder; undefined for an installed package, whose programs know their places. */
async function baseFolder(server) {
  const folder = dirname(dirname(await realpath(server.program)));
  return folder === '/usr' || folder === '/usr/local' ? undefined : folder;
}
