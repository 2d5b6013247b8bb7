/**
 * Gets a fresh clone ready: packages, build, a MariaDB server to test with. Node's built-ins only.
 * Does nothing, and says nothing, where all of it is there. Never touches a database server that runs.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCompanion, findProgram, findServer, findZooKeeper, flavours } from './servers.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

const oldestNode = [20, 19];
/** The first MariaDB that can write binlog_row_metadata=FULL. */
const oldestMariadb = [10, 5];

/** A reason to stop that needs no stack: what is wrong and what to do, for people. */
export class SetupError extends Error {}

const say = (text) => process.stderr.write(`drc: ${text}\n`);

/**
 * Everything a program of ours needs. `binlogClient`: also MariaDB's mariadb-binlog, which benches compare with.
 * @throws SetupError
 */
export async function setup({ binlogClient = false } = {}) {
  checkNode();
  await installPackages();
  const built = await build();
  if (built.code !== 0) throw new SetupError(`The build failed.\n${built.output}`);
  await provideMariadb({ binlogClient });
}

export function checkNode(version = process.versions.node) {
  if (isOlder(version, oldestNode))
    throw new SetupError(`DRC needs Node ${oldestNode.join('.')} or newer; this is ${version}.`);
}

const isOlder = (version, [major, minor]) => {
  const [haveMajor, haveMinor] = version.split('.').map(Number);
  return haveMajor < major || (haveMajor === major && haveMinor < minor);
};

/** `npm ci`, unless node_modules already holds what the lock file says. */
export async function installPackages() {
  if (packagesMatch(root)) return;
  say('installing packages (npm ci)');
  // Dev packages also under NODE_ENV=production: the build needs them.
  const { code } = await npm(['ci', '--include=dev', '--no-audit', '--no-fund']);
  // npm ci also builds (`prepare`). Where only that failed, the packages are there, and the build tells why itself.
  if (code !== 0 && !packagesMatch(root)) throw new SetupError('npm ci failed; see its messages above.');
}

/**
 * Whether node_modules was installed from this lock file, by whichever command. npm ends an installation by writing
 * what it installed to node_modules/.package-lock.json: an interrupted one has none.
 */
export function packagesMatch(folder) {
  const installedPath = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(installedPath)) return false;
  const wanted = readPackages(join(folder, 'package-lock.json'));
  const installed = readPackages(installedPath);
  return Object.entries(wanted).every(([path, entry]) => {
    // The root and the workspaces are folders of ours, linked from node_modules.
    if (!/(^|\/)node_modules\//.test(path)) return true;
    const found = installed[path];
    // Packages for other platforms are left out.
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

const readPackages = (path) => JSON.parse(readFileSync(path, 'utf8')).packages ?? {};

/** Compiles all packages and checks the types of the tests; what is up to date is left alone. */
export const build = () => capture(join(root, 'node_modules', '.bin', 'tsc'), ['-b', '--pretty', 'false']);

/**
 * The servers that tests run against: MariaDB always; MySQL and ZooKeeper where DRC_REQUIRE_SERVERS
 * (`mariadb,mysql,zookeeper`) names them, and elsewhere if they are there.
 * @throws SetupError
 */
export async function provideServers(environment = process.env) {
  const required = requiredServers(environment);
  await provideMariadb();
  if (required.has('mariadb')) await provideMariadbPlugins();
  await provideZooKeeper(required.has('zookeeper'));
  if ((await find('mysql')) !== undefined) return;
  if (!required.has('mysql')) {
    say(
      'no MySQL server found: its tests are skipped. On Debian, scripts/install-mysql installs one, as root.',
    );
    return;
  }
  await installMysql();
  if ((await find('mysql')) === undefined)
    throw new SetupError('scripts/install-mysql installed no MySQL server.');
}

/** Debian's library has the server and brings no service. */
async function provideZooKeeper(isRequired) {
  if ((await findZooKeeper()) !== undefined) return;
  const packages = ['libzookeeper-java', 'default-jre-headless'];
  if (!isRequired) {
    say(
      `no ZooKeeper found: its tests are skipped. On Debian, \`apt-get install ${packages.join(' ')}\` installs it.`,
    );
    return;
  }
  if (!(await installFromApt(packages)) || (await findZooKeeper()) === undefined)
    throw new SetupError(
      'DRC_REQUIRE_SERVERS asks for ZooKeeper, and it was not found: please install Java and ZooKeeper ' +
        `(Debian, Ubuntu: \`apt-get install ${packages.join(' ')}\`), or name its jar in DRC_TEST_ZOOKEEPER.`,
    );
}

/** For the test of encrypted binlogs, which is skipped without. */
async function provideMariadbPlugins() {
  const prefix = await debianRootPrefix();
  const [program, ...args] = [...(prefix ?? []), join(root, 'scripts', 'install-mariadb-plugins')];
  if (prefix === undefined || (await show(program, args)).code !== 0)
    say('MariaDB’s plugins could not be installed: the test of its encrypted binlogs is skipped.');
}

/** The servers in DRC_REQUIRE_SERVERS, by name. */
export function requiredServers({ DRC_REQUIRE_SERVERS: list = '' }) {
  const known = [...Object.keys(flavours), 'zookeeper'];
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => name !== '' && !known.includes(name));
  if (unknown !== undefined)
    throw new SetupError(`DRC_REQUIRE_SERVERS names ${unknown}; it knows ${known.join(', ')}.`);
  return new Set(names);
}

const find = (flavour) =>
  findServer(flavour).catch((error) => {
    throw new SetupError(error.message);
  });

async function installMysql() {
  const prefix = await debianRootPrefix();
  if (prefix === undefined)
    throw new SetupError(
      'DRC_REQUIRE_SERVERS asks for MySQL, and no MySQL server was found. scripts/install-mysql installs one on ' +
        'Debian, as root; elsewhere name its server program in DRC_TEST_MYSQLD.',
    );
  say('installing MySQL (scripts/install-mysql); this starts no service');
  const [program, ...args] = [...prefix, join(root, 'scripts', 'install-mysql')];
  if ((await show(program, args)).code !== 0)
    throw new SetupError('scripts/install-mysql failed; see its messages above.');
}

/**
 * strace, which gives processes faults of the kernel, and Python, for the example in it: only where DRC_REQUIRE_STRACE or
 * DRC_REQUIRE_PYTHON is set. Elsewhere the tests that need them are skipped if they are not there.
 * @throws SetupError
 */
export async function provideTools(environment = process.env) {
  const required = { strace: 'DRC_REQUIRE_STRACE', python3: 'DRC_REQUIRE_PYTHON' };
  for (const [program, variable] of Object.entries(required)) {
    if ((environment[variable] ?? '') === '') continue;
    const isThere = async () => (await findProgram([program])) !== undefined;
    if (await isThere()) continue;
    if (!(await installFromApt([program])) || !(await isThere()))
      throw new SetupError(`${variable} asks for ${program}, and it is not there: please install it.`);
  }
}

/** Finds MariaDB's programs, or installs them where that is possible without starting a service. */
export async function provideMariadb({ binlogClient = false } = {}) {
  const missing = await missingPrograms(binlogClient);
  if (missing.length === 0) return;
  if (!(await installFromApt(missing))) throw new SetupError(adviceFor(missing));
  const still = await missingPrograms(binlogClient);
  if (still.length > 0) throw new SetupError(adviceFor(still));
}

/** The Debian packages of what is not there. */
async function missingPrograms(binlogClient) {
  const server = await find('mariadb');
  if (server !== undefined && isOlder(server.version, oldestMariadb))
    throw new SetupError(
      `${server.program} is MariaDB ${server.version}; DRC needs ${oldestMariadb.join('.')} or newer. ` +
        'Name another one in DRC_TEST_MARIADBD.',
    );
  const missing = [];
  if (server === undefined) missing.push('mariadb-server-core', 'mariadb-client-core');
  else if ((await findCompanion(server, ['mariadb-install-db', 'mysql_install_db'])) === undefined)
    missing.push('mariadb-server-core', 'mariadb-client-core');
  if (binlogClient && (await findProgram(['mariadb-binlog'])) === undefined) missing.push('mariadb-client');
  return missing;
}

const adviceFor = (packages) =>
  `DRC's demo, tests and benches start MariaDB servers of their own and found no program for them: please install ` +
  `MariaDB ${oldestMariadb.join('.')} or newer (Debian, Ubuntu: \`apt-get install ${packages.join(' ')}\`; ` +
  'macOS: `brew install mariadb`; Fedora: `dnf install mariadb-server`), or name its server program in ' +
  'DRC_TEST_MARIADBD; nothing needs to be started.';

/** The `-core` packages bring programs and no service. False where this machine or user cannot do it. */
async function installFromApt(packages) {
  const prefix = await debianRootPrefix();
  if (prefix === undefined) return false;
  const asRoot = (...command) => {
    const [program, ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...command];
    return show(program, args);
  };
  say(`installing ${packages.join(' and ')} (apt-get); this starts no service`);
  const apt = ['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300'];
  // A package source that does not answer need not be the one that has MariaDB.
  await asRoot(...apt, 'update');
  const names = await Promise.all(packages.map(packageName));
  const { code } = await asRoot(...apt, 'install', '--yes', '--no-install-recommends', ...names);
  if (code !== 0)
    throw new SetupError(`apt-get could not install ${names.join(' and ')}; see its messages above.`);
  return true;
}

/** What to put before a command so that it runs as root without asking anybody; undefined where there is no way. */
async function debianRootPrefix() {
  if (process.platform !== 'linux' || !existsSync('/etc/debian_version')) return undefined;
  if ((await findProgram(['apt-get'])) === undefined) return undefined;
  if (process.getuid?.() === 0) return [];
  if ((await findProgram(['sudo'])) === undefined) return undefined;
  const { code } = await capture('sudo', ['-n', 'true']);
  return code === 0 ? ['sudo', '-n'] : undefined;
}

/** Older releases carry the version in the name: mariadb-server-core-10.6. */
async function packageName(name) {
  const { code, output } = await capture('apt-cache', ['--quiet=0', 'pkgnames', name]);
  const names = code === 0 ? output.split('\n').map((line) => line.trim()) : [];
  if (names.includes(name)) return name;
  const versioned = names.filter((candidate) => /^-\d+\.\d+$/.test(candidate.slice(name.length)));
  versioned.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return versioned.at(-1) ?? name;
}

/** The npm that runs us, if one does: there may be several. */
const npm = (args) => {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js') ? show(process.execPath, [cli, ...args]) : show('npm', args);
};

/** Runs a program; its output goes to stderr, since stdout belongs to the command that set-up is for. */
export const show = (program, args) => start(program, args, ['ignore', 2, 2]);

/** Runs a program and keeps what it prints. A program that cannot be started is code 127. */
export const capture = (program, args) => start(program, args, ['ignore', 'pipe', 'pipe']);

function start(program, args, stdio) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', (error) => resolve({ code: 127, output: String(error) }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Runs a command's main function; a SetupError is told without a stack. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

/**
 * Set-up, then a compiled program of ours in this very process: signals, standard streams, arguments and the exit
 * code are its own without any forwarding.
 */
export function launch(program, needs = {}) {
  return runMain(async () => {
    await setup(needs);
    const path = join(root, program);
    if (!existsSync(path)) throw new SetupError(`${program} is missing although the build succeeded.`);
    process.argv[1] = path;
    await import(new URL(program, new URL('..', import.meta.url)).href);
  });
}
