import { mkdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { checkNode, packagesMatch, requiredServers, SetupError } from '../../scripts/setup.mjs';
import { temporaryFolder } from '../support/temporary-folder.js';

test.each(['20.19.0', '20.20.2', '22.0.0', '100.1.0'])('Node %s is new enough', (version) => {
  expect(() => checkNode(version)).not.toThrow();
});

test.each(['20.18.3', '18.20.0', '9.99.0'])('Node %s is refused in one sentence', (version) => {
  expect(() => checkNode(version)).toThrow(
    new SetupError(`DRC needs Node 20.19 or newer; this is ${version}.`),
  );
});

test('servers that are required are named by flavour', () => {
  const DRC_REQUIRE_SERVERS = 'mariadb, mysql,zookeeper';
  expect([...requiredServers({ DRC_REQUIRE_SERVERS })]).toEqual(['mariadb', 'mysql', 'zookeeper']);
  expect(requiredServers({}).has('mysql')).toBe(false);
  expect(() => requiredServers({ DRC_REQUIRE_SERVERS: 'mysqld' })).toThrow(
    new SetupError('DRC_REQUIRE_SERVERS names mysqld; it knows mariadb, mysql, zookeeper.'),
  );
});

const ws = { version: '8.0.0', integrity: 'sha512-a' };
const lock = {
  '': { name: 'drc' },
  store: { name: '@drc/store', version: '0.1.0' },
  'node_modules/@drc/store': { resolved: 'store', link: true },
  'node_modules/ws': ws,
  'node_modules/for-other-platforms': { version: '1.0.0', integrity: 'sha512-b', optional: true },
  'store/node_modules/ws': { version: '7.0.0', integrity: 'sha512-c' },
};
const installed = {
  store: { name: '@drc/store', version: '0.1.0' },
  'node_modules/@drc/store': { resolved: 'store', link: true },
  'node_modules/ws': ws,
  'store/node_modules/ws': { version: '7.0.0', integrity: 'sha512-c' },
};

const without = (name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(installed).filter(([path]) => path !== name));

test.each<[string, Record<string, unknown> | undefined, boolean]>([
  ['all of it', installed, true],
  ['something more', { ...installed, 'node_modules/x': { version: '1.0.0' } }, true],
  ['nothing', undefined, false],
  ['a package less', without('node_modules/ws'), false],
  ['a nested package less', without('store/node_modules/ws'), false],
  ['a workspace less', without('node_modules/@drc/store'), false],
  ['another version', { ...installed, 'node_modules/ws': { ...ws, version: '8.0.1' } }, false],
  ['other contents', { ...installed, 'node_modules/ws': { ...ws, integrity: 'sha512-x' } }, false],
])('node_modules with %s: npm ci is needed or not', async (_title, packages, matches) => {
  await using folder = await temporaryFolder();
  await mkdir(folder.file('node_modules'));
  await writeFile(folder.file('package-lock.json'), JSON.stringify({ packages: lock }));
  if (packages !== undefined)
    await writeFile(folder.file('node_modules', '.package-lock.json'), JSON.stringify({ packages }));
  expect(packagesMatch(folder.path)).toBe(matches);
});
