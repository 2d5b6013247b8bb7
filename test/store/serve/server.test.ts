import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { StreamServer } from '../../../store/src/serve/server.js';
import { insertInto, tableVersion } from './fake-log.js';
import { RawClient, Refused } from './raw-client.js';
import { Signer, StoreHarness, silent, eventually } from './store-harness.js';

const orders = tableVersion('shop.orders');

async function refusalOf(opening: Promise<RawClient>): Promise<[status: number, code: string | undefined]> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Refused)) throw new Error('It was not refused.', { cause: error });
  expect(error.body).toBe('');
  return [error.status, error.code];
}

/** Bytes to the server, and all that it answers until it ends the connection. */
async function talk(
  port: number,
  bytes: string | Buffer,
  during?: (socket: Socket) => Promise<void>,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.on('error', () => undefined);
  socket.write(bytes);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await during?.(socket);
  await closed;
  return answer;
}

test('each line of a session names its principal, once', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  {
    await using store = await StoreHarness.start({ logger });
    await store.client();
    await eventually(() => expect(lines.join('')).toContain('Session opened'));
  }
  const own = lines.filter((line) => /Session (opened|closed)/.test(line));
  expect(own).toHaveLength(2);
  for (const line of own) expect(line.match(/"principal"/g)).toHaveLength(1);
});

test('who has no good ticket is refused before the upgrade, with a code and nothing else, and counted', async () => {
  await using store = await StoreHarness.start();
  const { url, signer } = store;
  const open = (ticket?: string, headers: Record<string, string> = {}, at = url): Promise<RawClient> =>
    RawClient.open({ url: at, headers, ...(ticket === undefined ? {} : { ticket }) });
  expect(await refusalOf(open())).toEqual([401, 'UNAUTHENTICATED']);
  expect(await refusalOf(open(undefined, { authorization: 'Basic eDp5' }))).toEqual([401, 'UNAUTHENTICATED']);
  expect(await refusalOf(open(new Signer().sign()))).toEqual([401, 'UNAUTHENTICATED']);
  expect(await refusalOf(open(signer.sign({ iat: 1000, exp: 1060 })))).toEqual([401, 'TICKET_EXPIRED']);
  expect(await refusalOf(open(signer.sign({ aud: 'drc-store:main/x' })))).toEqual([403, 'FORBIDDEN']);
  expect(await refusalOf(open(signer.sign(), { origin: 'http://evil.example' }))).toEqual([403, 'FORBIDDEN']);
  expect(await refusalOf(open(signer.sign(), {}, url.replace(/shop$/, 'other')))).toEqual([
    421,
    'WRONG_STORE',
  ]);
  expect(await refusalOf(open(signer.sign(), {}, url.replace(/stream/, 'x')))).toEqual([
    404,
    'TOPIC_UNKNOWN',
  ]);
  expect(Object.fromEntries(store.server.counters.refusals)).toEqual({
    UNAUTHENTICATED: 3,
    TICKET_EXPIRED: 1,
    FORBIDDEN: 2,
    WRONG_STORE: 1,
    TOPIC_UNKNOWN: 1,
  });
  expect(store.server.sessions).toEqual([]);
});

test('a ticket in the address is not taken', async () => {
  await using store = await StoreHarness.start();
  expect(await refusalOf(RawClient.open({ url: `${store.url}?ticket=${store.signer.sign()}` }))).toEqual([
    404,
    'TOPIC_UNKNOWN',
  ]);
});

test('a huge ticket and floods of headers end at the header limit', async () => {
  await using store = await StoreHarness.start();
  const huge = store.signer.sign({ note: 'x'.repeat(20_000) });
  await expect(RawClient.open({ url: store.url, ticket: huge })).rejects.toMatchObject({ status: 431 });
  const headers = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`x-${n}`, 'y'.repeat(40)]));
  await expect(
    RawClient.open({ url: store.url, ticket: store.signer.sign(), headers }),
  ).rejects.toMatchObject({
    status: 431,
  });
});

test('a configured origin may connect', async () => {
  await using store = await StoreHarness.start({ limits: { origins: ['https://tools.example'] } });
  const client = await store.client({ headers: { origin: 'https://tools.example' } });
  client.hello();
  await client.message('welcome');
});

test('what is no upgrade gets a short answer', async () => {
  await using store = await StoreHarness.start();
  const { port } = store.server.address;
  expect(await talk(port, 'GET /v1/stream/shop HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1.1 426 /,
  );
  expect(await talk(port, 'rubbish\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  expect(await talk(port, Buffer.alloc(100_000, 'a'))).toMatch(/^(HTTP\/1.1 4|$)/);
});

test('a connection that does not finish its request is cut off, and the others go on', async () => {
  await using store = await StoreHarness.start({ limits: { headersMs: 300 } });
  store.log.register(orders);
  const client = await store.client();
  await client.start();
  const dribble = async (socket: Socket): Promise<void> => {
    for (const byte of `/v1/stream/shop HTTP/1.1\r\nhost: x\r\nx-slow: ${'a'.repeat(200)}`) {
      if (socket.destroyed) return;
      socket.write(byte);
      await pause(20);
    }
  };
  const slow = Array.from({ length: 20 }, () => talk(store.server.address.port, 'GET ', dribble));
  store.log.append([insertInto(orders, 'meanwhile')]);
  await client.transaction(1);
  for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^(HTTP\/1.1 408 |$)/);
  expect(client.received.some(({ kind }) => kind === 'closed')).toBe(false);
});

test('sessions are limited in number, in all and for each principal', async () => {
  await using store = await StoreHarness.start({ limits: { maxSessions: 3, maxSessionsPerPrincipal: 2 } });
  const as = (sub: string): Promise<RawClient> => store.client({ ticket: store.signer.sign({ sub }) });
  const first = await as('ann');
  await as('ann');
  expect(await refusalOf(as('ann'))).toEqual([429, 'RATE_LIMITED']);
  await as('bob');
  expect(await refusalOf(as('cid'))).toEqual([503, 'STORE_UNAVAILABLE']);
  first.webSocket.close();
  await first.closed();
  await eventually(() => expect(store.server.sessions.length).toBe(2));
  await as('ann');
});

test('connections beyond the limit are dropped before they say a word', async () => {
  await using store = await StoreHarness.start({ limits: { maxSessions: 1 } });
  const client = await store.client();
  const sockets = Array.from({ length: 100 }, () => connect(store.server.address.port, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => undefined);
  await eventually(() => expect(store.server.counters.refusals.get('connections') ?? 0).toBeGreaterThan(30));
  client.hello();
  await client.message('welcome');
  for (const socket of sockets) socket.destroy();
});

test('a client that answers no pings is cut off, one that does stays', async () => {
  await using store = await StoreHarness.start({ limits: { pingMs: 100 } });
  const silentClient = await store.client();
  const socket = (silentClient.webSocket as unknown as { _socket: Socket })._socket;
  const client = await store.client();
  await client.start();
  socket.pause();
  await eventually(() => expect(store.server.sessions.length).toBe(1));
  expect(store.server.counters.refusals.get('CONNECTION_LOST')).toBe(1);
  await pause(500);
  expect(store.server.sessions.length).toBe(1);
  socket.destroy();
});

test('pings are answered, and a flood of them ends the session', async () => {
  await using store = await StoreHarness.start();
  const client = await store.client();
  const pong = new Promise<string>((resolve) =>
    client.webSocket.once('pong', (data) => resolve(data.toString())),
  );
  client.webSocket.ping('hello');
  expect(await pong).toBe('hello');
  for (let n = 0; n < 500; n++) client.webSocket.ping();
  expect(await client.closed()).toMatchObject({ code: 1008, reason: 'RATE_LIMITED' });
});

test('closing ends each session with 1001, after which nobody gets in', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  store.log.append([insertInto(orders, 'x')]);
  const live = await store.client();
  await live.start();
  await live.transaction(1);
  const greeting = await store.client();
  await Promise.all([store.server.close(), store.server.close()]);
  expect((await live.closed()).code).toBe(1001);
  expect((await greeting.closed()).code).toBe(1001);
  await expect(store.client()).rejects.toThrow();
  expect(store.log.waiting).toBe(0);
});

test('a client that has no credit left does not hold up the closing', async () => {
  await using store = await StoreHarness.start({ limits: { drainMs: 200 } });
  store.log.register(orders);
  for (let n = 0; n < 20; n++) store.log.append([insertInto(orders, 'x'.repeat(60_000))]);
  const client = await store.client();
  client.acknowledges = false;
  await client.start({ credit: 1 });
  await client.until(({ kind }) => kind === 'chunk');
  await store.server.close();
  expect((await client.closed()).code).toBe(1001);
});

test('a store listens on loopback only, and says which port is in use', async () => {
  await using store = await StoreHarness.start();
  const start = (host: string, port: number): Promise<StreamServer> =>
    StreamServer.start({
      listen: { host, port },
      topic: 'shop',
      storeId: 's',
      log: store.log,
      verifier: undefined as never,
      hasTable: () => true,
      logger: silent,
    });
  await expect(start('0.0.0.0', 0)).rejects.toMatchObject({ code: 'ADDRESS_NOT_LOOPBACK' });
  await expect(start('192.0.2.1', 0)).rejects.toMatchObject({ code: 'ADDRESS_NOT_LOOPBACK' });
  const { port } = store.server.address;
  await expect(start('127.0.0.1', port)).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port } });
});
