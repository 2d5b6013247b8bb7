import { isDrcError } from '@drc/protocol';
import { expect, test } from 'vitest';
import { parseStoreConfig } from '../../store/src/config.js';

const least = {
  topic: 'shop',
  directory: './data',
  source: { url: 'mysql://repl@db.internal' },
  clusterManagers: ['http://127.0.0.1:7370'],
};

function faultsOf(value: unknown): readonly string[] {
  try {
    parseStoreConfig(value);
    return [];
  } catch (error) {
    if (!isDrcError(error, 'CONFIG_INVALID')) throw error;
    return error.details['faults'] as readonly string[];
  }
}

test('four settings are enough; the rest has defaults', () => {
  expect(parseStoreConfig(least)).toEqual({
    topic: 'shop',
    cluster: undefined,
    directory: './data',
    source: {
      host: 'db.internal',
      port: 3306,
      user: 'repl',
      password: undefined,
      passwordFile: undefined,
      tls: undefined,
      connectTimeoutMs: 10_000,
    },
    capture: {
      start: { kind: 'retention' },
      include: [],
      exclude: [],
      excludeColumns: [],
      ignoreStatements: [],
    },
    log: { retentionMs: 86_400_000, retentionBytes: undefined, syncIntervalMs: 200, reserveBytes: undefined },
    listen: { host: '127.0.0.1', port: 7380 },
    admin: { host: '127.0.0.1', port: 7381 },
    snapshots: { rateBytesPerSecond: 20_971_520, maxReaders: 2 },
    serve: {
      address: undefined,
      seekMarginMs: undefined,
      ticketGraceMs: 3_600_000,
      maxSessions: 1000,
      maxSessionsPerPrincipal: 200,
      origins: [],
    },
    tls: undefined,
    plaintext: undefined,
    clusterManagers: ['http://127.0.0.1:7370'],
    managerTls: undefined,
    machineKeyFile: undefined,
  });
});

test('every setting is read, durations and sizes in words or numbers', () => {
  const config = parseStoreConfig({
    ...least,
    cluster: 'main',
    source: {
      host: 'db1.example',
      port: 3307,
      user: 'r',
      passwordFile: 'pw',
      tls: { ca: 'ca.pem' },
      connectTimeout: '3s',
    },
    capture: {
      start: { file: 'binlog.000007', offset: 1234 },
      include: ['shop.*'],
      exclude: ['shop.tmp_*'],
      excludeColumns: ['shop.users.password'],
      ignoreStatements: ['percona.checksums'],
    },
    log: { retention: '36h', retentionBytes: '20GiB', syncInterval: 50, reserve: '1.5GiB' },
    listen: { port: 0 },
    admin: { host: '::1', port: 9000 },
    serve: {
      address: 'wss://hub.example:7380',
      seekMargin: '10s',
      maxSessions: 5,
      origins: ['https://x.example'],
    },
    machineKeyFile: 'key',
  });
  expect(config.source).toMatchObject({
    host: 'db1.example',
    port: 3307,
    tls: { ca: 'ca.pem', verify: true },
    connectTimeoutMs: 3000,
  });
  expect(config.capture.start).toEqual({
    kind: 'position',
    position: { file: 'binlog.000007', offset: 1234 },
  });
  expect(config.log).toEqual({
    retentionMs: 129_600_000,
    retentionBytes: 20 * 1024 ** 3,
    syncIntervalMs: 50,
    reserveBytes: 1.5 * 1024 ** 3,
  });
  expect(config.serve).toMatchObject({
    address: 'wss://hub.example:7380',
    seekMarginMs: 10_000,
    maxSessions: 5,
  });
  expect(config.listen).toEqual({ host: '127.0.0.1', port: 0 });
});

test.each([
  ['retention', { kind: 'retention' }],
  ['now', { kind: 'now' }],
  ['2026-11-22T08:00:00Z', { kind: 'time', time: Date.UTC(2026, 10, 22, 8) }],
  ['2026-11-22T08:00:00+02:00', { kind: 'time', time: Date.UTC(2026, 10, 22, 6) }],
  [new Date(0), { kind: 'time', time: 0 }],
])('capture can start at %s', (start, expected) => {
  expect(parseStoreConfig({ ...least, capture: { start } }).capture.start).toEqual(expected);
});

test('a source may be several hosts of one topology', () => {
  const of = (hosts: string[]) => parseStoreConfig({ ...least, source: { hosts, user: 'repl' } }).source;
  expect(of(['db1', '[::1]:3310', '10.0.0.1:3307'])).toMatchObject({
    host: 'db1',
    port: 3306,
    others: [
      { host: '::1', port: 3310 },
      { host: '10.0.0.1', port: 3307 },
    ],
  });
  expect(of(['vip.example:3306']).others).toEqual([]);
  expect(parseStoreConfig(least).source.others).toBeUndefined();
});

test('the address of a source may hold user, password and port', () => {
  const { source } = parseStoreConfig({ ...least, source: { url: 'mariadb://a%40b:p%3Aw@[::1]:3310' } });
  expect(source).toMatchObject({ host: '::1', port: 3310, user: 'a@b', password: 'p:w' });
});

test('all faults are told at once, each at its path', () => {
  expect(
    faultsOf({
      topic: '../shop',
      directory: 5,
      source: { host: 'x', pasword: 'y' },
      capture: { start: 'yesterday', include: ['orders'], excludeColumns: ['a.b'] },
      log: { retention: '1 fortnight', reserve: '2GB', extra: 1 },
      listen: { host: '0.0.0.0', port: 70_000 },
      serve: { address: 'http://x' },
      clusterManagers: [],
      colour: 'blue',
    }).toSorted(),
  ).toEqual([
    'capture.excludeColumns.0: must read schema.table.column, with * for any text',
    'capture.include.0: must read schema.table, with * for any text',
    'capture.start: must be retention, now, or a time with its zone, such as 2026-11-22T08:00:00Z',
    'clusterManagers: names none',
    'colour: is not a setting',
    'directory: must be a text',
    'listen.host: is not a loopback address; give the port a certificate (tls), or say plaintext: allow (ADDRESS_NOT_LOOPBACK)',
    'listen.port: must be at most 65535',
    'log.extra: is not a setting',
    'log.reserve: "2GB" is not a size such as 64KiB, 500MiB or 2GiB.',
    'log.retention: "1 fortnight" is not a duration such as 250ms, 15m or 24h.',
    'serve.address: must be an address such as ws://127.0.0.1:7380',
    'source.pasword: is not a setting',
    'topic: must be letters, digits, ".", "_" and "-", at most 100, beginning with a letter or digit',
  ]);
});

test.each([
  [{}, ['topic: is missing', 'directory: is missing', 'source: is missing', 'clusterManagers: is missing']],
  [{ ...least, source: {} }, ['source.host: is missing; give it, or a url', 'source.user: is missing']],
  [
    { ...least, source: { url: 'mysql://u:secret@h', host: 'h', passwordFile: 'f' } },
    ['source.host: stands in the url already', 'source.passwordFile: the url has a password already'],
  ],
  [
    { ...least, source: { hosts: ['a', 'a:3306'], host: 'a', user: 'u' } },
    ['source.host: cannot be given beside hosts', 'source.hosts: names one twice'],
  ],
  [
    { ...least, source: { hosts: ['a:0', 'mysql://b'], user: 'u' } },
    ['source.hosts.0: must read host:3306', 'source.hosts.1: must read host:3306'],
  ],
  [
    { ...least, source: { hosts: ['db1', '10.0.0.1'], user: 'u', tls: true } },
    [
      'source.tls: cannot compare a certificate with an address; give the name of the host, or tls.verify: false',
    ],
  ],
  [{ ...least, source: { url: 'http://u:secret@h' } }, ['source.url: must read mysql://user@host:3306']],
  [
    { ...least, source: { url: 'mysql://h/shop' } },
    ['source.url: names no user: mysql://user@host:3306', 'source.url: must end with the port'],
  ],
  [{ ...least, log: { retention: 0 } }, ['log.retention: must be longer than 0']],
  [{ ...least, log: { retentionBytes: '63MiB' } }, ['log.retentionBytes: must be 64MiB or more']],
  [
    { ...least, capture: { start: '2026-11-22T08:00:00' } },
    [expect.stringMatching(/^capture.start: .*with its zone/)],
  ],
  [
    { ...least, admin: { host: '10.0.0.1' }, plaintext: 'allow', tls: { certFile: 'c', keyFile: 'k' } },
    [expect.stringMatching(/^admin.host: is not a loopback address/)],
  ],
  [{ ...least, plaintext: true }, ['plaintext: must be allow, or be left out']],
  [
    { ...least, tls: { certFile: 'c', keyFile: 'k', clientCertificates: 'require' } },
    ['tls.caFile: is missing: client certificates must be of somebody'],
  ],
  [{ ...least, tls: { certFile: 'c' } }, ['tls.keyFile: is missing']],
  [
    { ...least, listen: { host: '0.0.0.0' }, tls: { certFile: 'c', keyFile: 'k' } },
    ['serve.address: is missing: readers cannot connect to the address that stands for all of them'],
  ],
  [
    { ...least, clusterManagers: ['https://cm1.internal', 'http://cm2.internal'] },
    [expect.stringMatching(/^clusterManagers: leads off this machine .*PLAINTEXT_REFUSED/)],
  ],
  [
    { ...least, managerTls: { certFile: 'c' } },
    ['managerTls: certFile and keyFile belong together: give both, or neither'],
  ],
  [{ ...least, serve: { ticketGrace: '25h' } }, ['serve.ticketGrace: must be at most 24h']],
  ['text', [expect.stringMatching(/^the file: /)]],
  [null, [expect.stringMatching(/^the file: /)]],
])('%j has its faults', (value, faults) => {
  expect(faultsOf(value)).toEqual(faults);
});

test.each<[string, Record<string, unknown>]>([
  ['a certificate', { tls: { certFile: 'c', keyFile: 'k' } }],
  ['the word of the operator', { plaintext: 'allow' }],
])('a port may be open to other machines with %s', (_, extra) => {
  const config = parseStoreConfig({
    ...least,
    ...extra,
    listen: { host: '10.0.0.1' },
    clusterManagers: ['https://cm.internal:7370'],
    serve: { address: 'wss://store-1.internal:7380', ticketGrace: '30m' },
  });
  expect(config.listen.host).toBe('10.0.0.1');
  expect(config.serve.ticketGraceMs).toBe(1_800_000);
});

test('no fault repeats a password', () => {
  for (const url of ['mysql://u:secret@h/x?y', 'http://u:secret@h', 'mysql:u:secret', 'u:secret@h']) {
    expect(faultsOf({ ...least, source: { url } }).length).toBeGreaterThan(0);
    expect(JSON.stringify(faultsOf({ ...least, source: { url } }))).not.toContain('secret');
  }
});

test('an empty log is filled from another store where that is said, at a rate if one is given', () => {
  const fillOf = (fill: unknown) => parseStoreConfig({ ...least, fill }).fill;
  expect(fillOf('sister')).toEqual({ rateBytesPerSecond: undefined });
  expect(fillOf({ from: 'sister' })).toEqual({ rateBytesPerSecond: undefined });
  expect(fillOf({ from: 'sister', rate: '50MiB' })).toEqual({ rateBytesPerSecond: 50 * 1024 ** 2 });
  expect(fillOf(undefined)).toBeUndefined();
  for (const fill of ['brother', true, { rate: '1MiB' }, { from: 'sister', rate: '1KiB' }])
    expect(faultsOf({ ...least, fill })).toHaveLength(1);
});

test('moments before the log are read from the source only where that is enabled', () => {
  const backfillOf = (backfill: unknown) => parseStoreConfig({ ...least, backfill }).backfill;
  expect(backfillOf(undefined)).toBeUndefined();
  expect(backfillOf({})).toBeUndefined();
  expect(backfillOf({ enabled: false, maxReaders: 5 })).toBeUndefined();
  expect(backfillOf({ enabled: true })).toEqual({ rateBytesPerSecond: 20 * 1024 ** 2, maxReaders: 2 });
  expect(backfillOf({ enabled: true, rate: '1MiB', maxReaders: 5 })).toEqual({
    rateBytesPerSecond: 1024 ** 2,
    maxReaders: 5,
  });
  for (const backfill of [true, { enabled: true, rate: '1KiB' }, { enabled: true, maxReaders: 0 }])
    expect(faultsOf({ ...least, backfill })).toHaveLength(1);
});
