import { isDrcError } from '@drc/protocol';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseCongoConfig } from '../../cli/src/congo-config.js';
import { readTls } from '../../cli/src/tls-files.js';
import { makeCertificate } from '../support/certificates.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const task = {
  task: 'copy',
  clusterManager: 'http://127.0.0.1:7370',
  topic: 'shop',
  tables: [{ from: 'shop.orders' }],
  target: { user: 'congo' },
};

const faultsOf = (value: unknown): readonly string[] => {
  try {
    parseCongoConfig(value);
    return [];
  } catch (error) {
    if (!isDrcError(error, 'CONFIG_INVALID')) throw error;
    return error.details['faults'] as readonly string[];
  }
};

test('a task is told all of its faults at once, in plain words', () => {
  expect(
    faultsOf({
      clusterManager: 'nowhere',
      topic: '',
      tables: [{ from: 'orders' }, { form: 'shop.x' }, { from: 7 }, { from: 'shop.a', to: 'x' }],
      target: { host: '10.0.0.1', port: 99_999, user: 3, tls: true },
      ddl: 'halt',
      maxBatchRows: 0.5,
      admin: { host: '0.0.0.0', port: -1 },
    }),
  ).toEqual([
    'task: is missing',
    'clusterManager: must be an address such as http://127.0.0.1:7370',
    'topic: must not be empty',
    'tables.1.from: is missing',
    'tables.1.form: is not a setting',
    'tables.2.from: must be a text',
    'target.port: must be at most 65535',
    'target.user: must be a text',
    'ddl: must be stop or ignore',
    'maxBatchRows: must be a whole number',
    'admin.host: must be a loopback address: 127.0.0.1 or ::1 (ADDRESS_NOT_LOOPBACK)',
    'admin.port: must be at least 0',
    "tables.0.from: 'orders' is not schema.table",
    "tables.3.to: 'x' is not schema.table",
    'target.tls: cannot compare a certificate with an address; give the name of the host, or tls.verify: false',
  ]);
});

test('a task without tables, or with settings where there are none, is told so', () => {
  expect(faultsOf({ ...task, tables: [] })).toEqual(['tables: must have an entry']);
  expect(faultsOf({ ...task, target: 'db' })).toEqual(['target: must have settings below it']);
  expect(faultsOf({ ...task, tables: 'shop.orders' })).toEqual(['tables: must be a list']);
  expect(faultsOf({ ...task, from: '1990-01-01' })).toEqual([
    expect.stringMatching(/^from: is not a moment/),
  ]);
  expect(faultsOf({ ...task, from: '-15m' })).toEqual([]);
  expect(faultsOf({ ...task, acknowledgeGaps: ['0-1-77', 'the last'] })).toEqual([
    'acknowledgeGaps.1: is no id of a transaction',
  ]);
});

test('where changes come from is told in names of sites', () => {
  const origin = { mark: 'a', exclude: ['b', ''], targetTopic: 'shop_b' };
  expect(parseCongoConfig({ ...task, origin }).origin).toEqual(origin);
  expect(parseCongoConfig({ ...task, origin: { mark: 'a', include: ['c'] } }).origin).toEqual({
    mark: 'a',
    include: ['c'],
  });
  expect(faultsOf({ ...task, origin: { mark: 'A site', exclude: ['b'] } })).toEqual([
    'origin.mark: is no name of 1 to 28 small letters, digits or underscores',
  ]);
  const oneOf = ['origin: needs either exclude or include'];
  expect(faultsOf({ ...task, origin: { mark: 'a' } })).toEqual(oneOf);
  expect(faultsOf({ ...task, origin: { mark: 'a', exclude: ['b'], include: ['c'] } })).toEqual(oneOf);
  expect(faultsOf({ ...task, origin: { mark: 'a', exclude: ['B'] } })).toEqual([
    'origin.exclude.0: is no name of 1 to 28 small letters, digits or underscores',
  ]);
});

test('a certificate needs its key, and what is no TLS setting is named', () => {
  const tls = (setting: unknown) =>
    faultsOf({ ...task, target: { user: 'congo', host: 'db', tls: setting } });
  const forms = 'must be true, false, or { ca, cert, key, verify }';
  const together = ['target.tls: cert and key belong together: give both, or neither'];
  expect(tls({ cert: 'a.pem' })).toEqual(together);
  expect(tls({ key: 'a.key' })).toEqual(together);
  expect(tls({ cert: 'a.pem', key: 'a.key' })).toEqual([]);
  expect(tls({ caa: 'a.pem' })).toEqual([`target.tls: caa: no such setting; it ${forms}`]);
  expect(tls({ ca: 7 })).toEqual([`target.tls: ca: ${forms}; ca, cert and key are names of files`]);
  expect(tls('yes')).toEqual([`target.tls: ${forms}`]);
});

test('files that are no certificate, or of another key, are refused before anything is started', async () => {
  await using folder = await temporaryFolder('congo-tls');
  const mine = await makeCertificate(folder, 'localhost');
  const other = await makeCertificate(folder, 'db.example');
  await writeFile(folder.file('text.pem'), 'no certificate');
  await expect(readTls({ verify: true, cert: mine.cert, key: mine.key })).resolves.toBeDefined();
  for (const wrong of [{ ca: folder.file('text.pem') }, { cert: mine.cert, key: other.key }])
    await expect(readTls({ verify: true, ...wrong })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
