import { chmod, symlink, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  findMariadb,
  findMysql,
  findProgram,
  findServers,
  identify,
  readVersion,
} from '../../scripts/servers.mjs';
import { temporaryFolder } from '../support/temporary-folder.js';

test.each([
  [
    'mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)',
    'mariadb',
    '10.11.6',
  ],
  ['/usr/sbin/mysqld  Ver 10.11.6-MariaDB for Linux on x86_64 (Source distribution)', 'mariadb', '10.11.6'],
  ['/usr/sbin/mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)', 'mysql', '9.7.4'],
  ['/opt/x/usr/sbin/mysqld  Ver 8.4.3-2 for Linux on x86_64 ((Debian))', 'mysql', '8.4.3'],
  ['mysql  Ver 15.1 Distrib 10.5.21-MariaDB, for debian-linux-gnu (x86_64)', 'mariadb', '10.5.21'],
  ['mariadb from 11.8.2-MariaDB, client 15.2 for debian-linux-gnu (x86_64)', 'mariadb', '11.8.2'],
])('%s is known', (text, flavour, version) => {
  expect(readVersion(text)).toEqual({ flavour, version });
});

test.each(['', 'v20.19.0', 'psql (PostgreSQL) 16.1', 'mysqld: command not found'])(
  '"%s" is no server',
  (text) => {
    expect(readVersion(text)).toBeUndefined();
  },
);

/** A shell script that answers `--version`. */
async function writeProgram(path: string, answer: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\necho '${answer}'\n`);
  await chmod(path, 0o755);
}

test('servers are known by their answer, and one with two names counts once', async () => {
  await using folder = await temporaryFolder();
  await writeProgram(folder.file('mysqld'), 'mysqld  Ver 10.11.6-MariaDB for Linux');
  await symlink(folder.file('mysqld'), folder.file('mariadbd'));
  expect(await findServers([folder.path])).toEqual([
    { program: folder.file('mariadbd'), flavour: 'mariadb', version: '10.11.6' },
  ]);
});

test('the MariaDB server is found behind a MySQL one, and the variable names another', async () => {
  await using folder = await temporaryFolder();
  await writeProgram(folder.file('mysqld'), '/usr/sbin/mysqld  Ver 9.7.4 for Linux (MySQL Community Server)');
  await writeProgram(folder.file('other'), 'other  Ver 11.4.2-MariaDB for Linux');
  const found = await findMariadb({ PATH: folder.path });
  expect(found?.flavour).toBe('mariadb');
  const named = await findMariadb({ PATH: folder.path, DRC_TEST_MARIADBD: folder.file('other') });
  expect(named?.version).toBe('11.4.2');
  await expect(findMariadb({ DRC_TEST_MARIADBD: folder.file('mysqld') })).rejects.toThrow('is not a MariaDB');
});

test('the MySQL server is found behind a MariaDB one that has its name, and the variable names another', async () => {
  await using folder = await temporaryFolder();
  await writeProgram(folder.file('mysqld'), '/usr/sbin/mysqld  Ver 10.11.6-MariaDB for Linux');
  await writeProgram(folder.file('other'), 'other  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server)');
  expect((await findMysql({ PATH: folder.path }))?.flavour).not.toBe('mariadb');
  const named = await findMysql({ PATH: folder.path, DRC_TEST_MYSQLD: folder.file('other') });
  expect(named).toEqual({ program: folder.file('other'), flavour: 'mysql', version: '8.4.3' });
  await expect(findMysql({ DRC_TEST_MYSQLD: folder.file('mysqld') })).rejects.toThrow(
    'is not a MySQL server',
  );
});

test('what does not run or is not executable is no program', async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.file('mariadbd'), 'text');
  expect(await findProgram(['mariadbd'], [folder.path])).toBeUndefined();
  expect(await findServers([folder.path])).toEqual([]);
  expect(await identify(folder.file('nothing'))).toBeUndefined();
});
