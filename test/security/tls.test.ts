import { readdir, readFile, stat } from 'node:fs/promises';
import { connect, isDrcError, type ConnectOptions, type Hub } from '@drc/client-sdk';
import {
  ClusterManager,
  createMachineKey,
  initManager,
  parseManagerConfig,
  type Credentials,
  type PasswordCost,
} from '@drc/cluster-manager';
import { jsonRequest, type TlsOptions } from '@drc/protocol';
import { parseStoreConfig, Store } from '@drc/store';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { captureDigest } from '../../store/src/capture-digest.js';
import { makeAuthority, type CertificateAuthority } from '../support/certificates.js';
import { startMariadb, type DatabaseServer } from '../support/database-server.js';
import { Reading } from '../support/reading.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

/*
 * A hub of which all connections are encrypted: the manager asks for client certificates and the store does not; the
 * store shows its own to the manager.
 */

const silent = pino({ level: 'silent' });
const cheapPasswords: PasswordCost = { cost: 2, blockSize: 1, parallelization: 1 };
const deadline = { timeout: 60_000 };
/** The store's clock is almost as far ahead as is tolerated: there a ticket of five seconds is good for seven. */
const aheadMs = 8_000;
const ahead = { now: () => Date.now() + aheadMs, monotonic: () => performance.now() };

let folder: TemporaryFolder;
let authority: CertificateAuthority;
let other: CertificateAuthority;
let source: DatabaseServer;
let manager: ClusterManager;
let store: Store;
let administrator: Credentials;
let machineKey: string;
let storeKey: string;
let trusted: TlsOptions;

beforeAll(async () => {
  folder = await temporaryFolder('tls-hub');
  source = await startMariadb();
  await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
  authority = await makeAuthority(folder, 'authority');
  other = await makeAuthority(folder, 'other');
  const managerFiles = await authority.issue('manager', ['localhost', 'cm.internal']);
  const storeFiles = await authority.issue('store', ['127.0.0.1', 'store-1.internal']);
  const clientFiles = await authority.issue('client', ['a-service']);
  trusted = {
    ca: await readFile(authority.cert),
    cert: await readFile(clientFiles.cert),
    key: await readFile(clientFiles.key),
  };
  const directory = folder.file('manager');
  ({ administrator } = await initManager(directory, { passwordCost: cheapPasswords }));
  ({ key: storeKey } = await createMachineKey(directory, { kind: 'store', topics: ['shop'] }));
  ({ key: machineKey } = await createMachineKey(directory, { kind: 'client', topics: ['shop'] }));
  manager = await ClusterManager.start(
    parseManagerConfig({
      directory,
      listen: { host: 'localhost', port: 0 },
      admin: { port: 0 },
      leaseMs: 1_500,
      ticketLifeMs: 5_000,
      tls: {
        certFile: managerFiles.cert,
        keyFile: managerFiles.key,
        caFile: authority.cert,
        clientCertificates: 'require',
      },
    }),
    { logger: silent, passwordCost: cheapPasswords },
  );
  store = await Store.start(
    parseStoreConfig({
      topic: 'shop',
      directory: folder.file('store'),
      source: { host: '127.0.0.1', port: source.port, user: 'root' },
      log: { reserve: 0 },
      listen: { port: 0 },
      admin: { port: 0 },
      tls: { certFile: storeFiles.cert, keyFile: storeFiles.key },
      clusterManagers: [managerAddress()],
      managerTls: { caFile: authority.cert, certFile: storeFiles.cert, keyFile: storeFiles.key },
    }),
    { logger: silent, sourcePassword: '', machineKey: storeKey, clock: ahead },
  );
  await vi.waitUntil(() => store.announcer.state.kind === 'announced', deadline);
});

afterAll(async () => {
  await store?.close();
  await manager?.close();
  await source?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** By the name that stands in its certificate. */
const managerAddress = (): string => `https://localhost:${new URL(manager.url).port}`;

const open = (options: Partial<ConnectOptions> = {}): Promise<Hub> =>
  connect({ clusterManager: managerAddress(), credentials: { machineKey }, tls: trusted, ...options });

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isDrcError(error)) throw new Error('It was not refused.', { cause: error });
  return error.code;
}

/** Inserts a row, and waits for it. */
async function insertAndRead(reading: Reading, id: number): Promise<void> {
  await source.query(`INSERT INTO shop.t VALUES (${id})`);
  for (;;) {
    const { changes } = await reading.take();
    if (changes.some((change) => change.kind === 'insert' && change.after['id'] === id)) return;
  }
}

test('rows reach a reader encrypted all the way', async () => {
  expect([manager.url, store.url]).toEqual([
    expect.stringMatching(/^https:/),
    expect.stringMatching(/^wss:/),
  ]);
  await using hub = await open();
  await using reading = new Reading(hub.subscribe('shop', { from: 'earliest' }));
  await insertAndRead(reading, 1);
});

test('a manager whose certificate is not right is not told any credentials, and each fault has its code', async () => {
  const { cert, key } = trusted as { cert: Buffer; key: Buffer };
  const ca = await readFile(other.cert);
  expect(await refusalOf(open({ tls: { ca, cert, key } }))).toBe('TLS_UNTRUSTED');
  expect(await refusalOf(open({ tls: { cert, key } }))).toBe('TLS_UNTRUSTED');
  expect(await refusalOf(open({ tls: { ...trusted, serverName: 'db.internal' } }))).toBe('TLS_WRONG_NAME');
  expect(await refusalOf(open({ tls: { ca: trusted.ca! } }))).toMatch(
    /^(TLS_CLIENT_CERTIFICATE|MANAGER_UNREACHABLE)$/,
  );
  expect(await refusalOf(open({ clusterManager: managerAddress().replace('https', 'http') }))).toBe(
    'MANAGER_UNREACHABLE',
  );
  expect(await refusalOf(open({ clusterManager: 'http://cm.internal:7370' }))).toBe('PLAINTEXT_REFUSED');
});

test('a store whose certificate is not right gets no ticket, and the reader says why it waits', async () => {
  // The manager's name stands in the manager's certificate only.
  await using hub = await open({ tls: { ...trusted, serverName: 'cm.internal' } });
  const subscription = hub.subscribe('shop', { from: 'latest' });
  await using reading = new Reading(subscription);
  reading.next().catch(() => undefined);
  await vi.waitFor(
    () =>
      expect(subscription.status()).toMatchObject({
        kind: 'disconnected',
        error: { code: 'TLS_WRONG_NAME' },
      }),
    deadline,
  );
});

test('a store that captures other tables than the one that is there is not let beside it', async () => {
  const announce = (capture: Parameters<typeof captureDigest>[0]) =>
    jsonRequest(managerAddress(), {
      tls: trusted,
      timeoutMs: 30_000,
      maxAnswerBytes: 100_000,
      method: 'POST',
      path: '/v1/stores/announce',
      token: storeKey,
      body: {
        topic: 'shop',
        id: 'another',
        address: 'wss://127.0.0.1:1',
        extent: store.log.extent(),
        captureState: 'streaming',
        captureDigest: captureDigest(capture),
      },
    });
  const lists = { include: [], exclude: [], excludeColumns: [] };
  const refused = await announce({ ...lists, exclude: ['shop.secret'] });
  expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('TOPIC_CONFIG_MISMATCH')]);
  const excludeColumns = ['a.b.c', 'a.b.d'];
  expect(captureDigest({ ...lists, excludeColumns })).toBe(
    captureDigest({ ...lists, excludeColumns: ['a.b.d', 'a.b.c', 'a.b.c'] }),
  );
  expect(captureDigest({ ...lists, include: ['a.b'] })).not.toBe(
    captureDigest({ ...lists, exclude: ['a.b'] }),
  );
});

test('a disabled user’s session ends at once, and whoever else reads goes on', async () => {
  const transport = { tls: trusted, timeoutMs: 30_000, maxAnswerBytes: 100_000 };
  const call = async (method: string, path: string, body?: unknown, token?: string) => {
    const answer = await jsonRequest(managerAddress(), {
      ...transport,
      method,
      path,
      ...(body === undefined ? {} : { body }),
      ...(token === undefined ? {} : { token }),
    });
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text) as Record<string, string>;
  };
  const { token } = await call('POST', '/v1/login', administrator);
  const user = await call('POST', '/v1/users', { name: 'ann', topics: ['shop'] }, token);
  const credentials = { name: 'ann', password: user['password']! };

  await using hub = await open();
  await using others = new Reading(hub.subscribe('shop', { from: 'latest' }));
  const othersFirst = others.take();
  othersFirst.catch(() => undefined);
  await using annsHub = await open({ credentials });
  await using anns = new Reading(annsHub.subscribe('shop', { from: 'earliest' }));
  await insertAndRead(anns, 2);
  await othersFirst;
  const waiting = refusalOf(anns.take());
  await call('POST', '/v1/principals/ann/disable', {}, token);
  expect(await waiting).toBe('UNAUTHENTICATED');
  expect(store.server.counters.refusals.get('TICKET_REVOKED')).toBe(1);
  await insertAndRead(others, 3);
  expect(await readFile(folder.file('store/revocations.json'), 'utf8')).toContain('ann');
});

test('the folders of manager and store are nobody else’s', async () => {
  for (const name of ['manager', 'store']) {
    expect([name, (await stat(folder.file(name))).mode & 0o777]).toEqual([name, 0o700]);
    for (const entry of await readdir(folder.file(name), { withFileTypes: true }))
      if (/key|revocations/.test(entry.name))
        expect([entry.name, (await stat(folder.file(`${name}/${entry.name}`))).mode & 0o077]).toEqual([
          entry.name,
          0,
        ]);
  }
});

// The last one: it ends the manager.
test('while no manager answers a reader goes on beyond its ticket, and nobody new gets in', async () => {
  await using hub = await open();
  await using reading = new Reading(hub.subscribe('shop', { from: 'earliest' }));
  await insertAndRead(reading, 4);
  const { counters } = store.server;
  const opened = counters.sessionsOpened;
  await manager.close();
  const lastTicketEnds = Date.now() + 8_000;
  await vi.waitUntil(() => Date.now() > lastTicketEnds, { timeout: 60_000, interval: 200 });
  await insertAndRead(reading, 5);
  expect([counters.sessionsOpened, counters.refusals.get('TICKET_EXPIRED')]).toEqual([opened, undefined]);
  expect(await refusalOf(open())).toBe('MANAGER_UNREACHABLE');
});
