import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { installDatabase, userArguments, type ServerProgram } from '../../scripts/servers.mjs';
import { storageArguments } from './server-arguments.js';

const run = promisify(execFile);

/** A user who may do nothing at all, until a test grants it something. */
export const plainUser = { user: 'plain', password: 'plain' } as const;

const createPlainUser = `CREATE USER '${plainUser.user}'@'127.0.0.1' IDENTIFIED BY '${plainUser.password}';\n`;

/** A new database to copy from, made once for each server version and kept beside the installed packages. */
export async function databaseTemplate(program: ServerProgram): Promise<string> {
  const cache = fileURLToPath(new URL('../../node_modules/.cache/drc/', import.meta.url));
  const path = join(cache, `${program.flavour}-${program.version}-2`);
  if (existsSync(path)) return path;
  await mkdir(cache, { recursive: true });
  const making = await mkdtemp(join(cache, 'making-'));
  try {
    const dataDir = join(making, 'data');
    await (program.flavour === 'mysql' ? makeMysql(program, dataDir) : makeMariadb(program, dataDir));
    const small = join(making, 'small');
    // Most of it are zeros: files with holes are copied in a tenth of the time. Only GNU's cp makes them.
    const holes = process.platform === 'linux' ? ['--sparse=always'] : [];
    await run('cp', ['-R', ...holes, dataDir, small]);
    await rename(small, path);
  } catch (error) {
    // Another test process may have been faster.
    if (!existsSync(path)) throw error;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return path;
}

/** A copy of a template. Not with Node's cp, which fills the holes. @param dataDir must not exist */
export async function copyDatabase(template: string, dataDir: string): Promise<void> {
  await run('cp', ['-R', template, dataDir]);
}

async function makeMysql(program: ServerProgram, dataDir: string): Promise<void> {
  const statements = join(dirname(dataDir), 'plain.sql');
  await writeFile(statements, createPlainUser);
  await installDatabase(program, dataDir, [...storageArguments.mysql, `--init-file=${statements}`]);
  // The server_uuid: each copy makes its own.
  await rm(join(dataDir, 'auto.cnf'));
}

async function makeMariadb(program: ServerProgram, dataDir: string): Promise<void> {
  await installDatabase(program, dataDir, storageArguments.mariadb);
  const statements = join(dirname(dataDir), 'plain.sql');
  await writeFile(statements, `FLUSH PRIVILEGES;\n${createPlainUser}`);
  await bootstrap(program, dataDir, statements);
}

/** A server without network that reads its statements from stdin and ends. */
async function bootstrap(program: ServerProgram, dataDir: string, statements: string): Promise<void> {
  const input = await open(statements, 'r');
  const server = spawn(
    program.program,
    [
      '--no-defaults',
      ...userArguments(),
      '--bootstrap',
      `--datadir=${dataDir}`,
      `--tmpdir=${dirname(dataDir)}`,
      ...storageArguments.mariadb,
    ],
    { stdio: [input.fd, 'ignore', 'pipe'] },
  );
  let output = '';
  server.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program.program} --bootstrap failed:\n${output}`)),
    );
  });
  await input.close();
}
