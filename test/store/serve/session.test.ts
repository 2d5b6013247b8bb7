import {
  Checkpoint,
  encodeMessage,
  FrameKind,
  maxFrameBytes,
  openFrame,
  sealFrame,
  TransactionSet,
} from '@drc/protocol';
import { Packr } from 'msgpackr';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { TicketVerifier, type Ticket } from '../../../store/src/serve/authorize.js';
import { HistoryReads } from '../../../store/src/serve/history-reads.js';
import { FilterViews } from '../../../store/src/serve/filter-views.js';
import { FramePool } from '../../../store/src/serve/frame-pool.js';
import { inContact } from '../../../store/src/serve/manager-contact.js';
import { ServeCounters } from '../../../store/src/serve/serve-counters.js';
import { defaultStreamServerLimits } from '../../../store/src/serve/server-limits.js';
import type { SessionEnvironment, SessionSocket } from '../../../store/src/serve/session-environment.js';
import { Session } from '../../../store/src/serve/session.js';
import { rounds } from '../../support/rounds.js';
import { insertInto, tableVersion, type FakeLog } from './fake-log.js';
import type { RawClient } from './raw-client.js';
import { StoreHarness, silent, eventually } from './store-harness.js';

const orders = tableVersion('shop.orders');

/** A frame with a good checksum around any payload. */
function frameOf(payload: Buffer, kind: number = FrameKind.control): Buffer {
  return sealFrame(Buffer.concat([Buffer.alloc(5), payload]), kind as 1);
}

async function endOf(client: RawClient): Promise<string> {
  const { code } = await client.closed();
  const failure = client.received.find((item) => item.kind === 'message' && item.message.type === 'error');
  return `${code} ${failure?.kind === 'message' && failure.message.type === 'error' ? failure.message.code : ''}`;
}

test('the greeting tells the version, the store and its log', async () => {
  await using store = await StoreHarness.start();
  const client = await store.client();
  client.send({ type: 'hello', versions: [7, 1], client: 'raw', topic: 'shop' });
  expect(await client.message('welcome')).toMatchObject({
    version: 1,
    store: 'store-1',
    topic: 'shop',
    log: { head: { lsn: 0 } },
  });
  expect(store.server.sessions).toMatchObject([
    { principal: 'reader', client: 'raw', state: 'agreed', lsn: 0 },
  ]);
});

test.each<[string, (client: RawClient) => void, string]>([
  [
    'a version that nobody speaks',
    (c) => c.send({ type: 'hello', versions: [2], client: '', topic: 'shop' }),
    '1008 PROTOCOL_VERSION',
  ],
  ['another topic', (c) => c.hello('other'), '1008 WRONG_STORE'],
  [
    'a client name without end',
    (c) => c.send({ type: 'hello', versions: [1], client: 'x'.repeat(101), topic: 'shop' }),
    '1008 PROTOCOL_VIOLATION',
  ],
  ['a subscription before the greeting', (c) => c.subscribe(), '1008 PROTOCOL_VIOLATION'],
  ['credit before the greeting', (c) => c.send({ type: 'credit', bytes: 1 }), '1008 PROTOCOL_VIOLATION'],
  ['a renewal before the greeting', (c) => c.send({ type: 'renew', ticket: 'x' }), '1008 PROTOCOL_VIOLATION'],
  ['two greetings', (c) => (c.hello(), c.hello()), '1008 PROTOCOL_VIOLATION'],
  ['a text message', (c) => c.webSocket.send('{"type":"hello"}'), '1003 PROTOCOL_VIOLATION'],
  ['an empty message', (c) => c.webSocket.send(Buffer.alloc(0)), '1007 PROTOCOL_VIOLATION'],
  ['one byte', (c) => c.webSocket.send(Buffer.of(1)), '1007 PROTOCOL_VIOLATION'],
  [
    'a data frame',
    (c) => c.webSocket.send(frameOf(Buffer.from('x'), FrameKind.data)),
    '1008 PROTOCOL_VIOLATION',
  ],
  [
    'an unknown kind of frame',
    (c) => c.webSocket.send(Buffer.from([9, 0, 0, 0, 0, 1])),
    '1007 PROTOCOL_VIOLATION',
  ],
  [
    'a frame with a wrong checksum',
    (c) => {
      const f = encodeMessage({ type: 'credit', bytes: 1 });
      f[7]! ^= 1;
      c.webSocket.send(f);
    },
    '1007 FRAME_CORRUPT',
  ],
  ['no msgpack', (c) => c.webSocket.send(frameOf(Buffer.from([0xc1, 0xc1]))), '1007 PROTOCOL_VIOLATION'],
  [
    'a huge length claim',
    (c) => c.webSocket.send(frameOf(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]))),
    '1007 PROTOCOL_VIOLATION',
  ],
  ['deep nesting', (c) => c.webSocket.send(frameOf(Buffer.alloc(60_000, 0x91))), '1007 PROTOCOL_VIOLATION'],
  [
    'an extension',
    (c) => c.webSocket.send(frameOf(Buffer.from([0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1]))),
    '1007 PROTOCOL_VIOLATION',
  ],
  [
    'an unknown message',
    (c) => c.webSocket.send(frameOf(new Packr({ useRecords: false }).pack({ type: 'constructor' }))),
    '1007 PROTOCOL_VIOLATION',
  ],
  ['a message of the store', (c) => c.send({ type: 'caughtUp', lsn: 1 } as never), '1007 PROTOCOL_VIOLATION'],
  ['negative credit', (c) => c.send({ type: 'credit', bytes: -1 }), '1007 PROTOCOL_VIOLATION'],
  ['a message beyond the frame limit', (c) => c.webSocket.send(Buffer.alloc(maxFrameBytes + 1)), '1009 '],
])('%s ends the session: %#', async (_, act, expected) => {
  await using store = await StoreHarness.start();
  const client = await store.client();
  act(client);
  expect(await endOf(client)).toBe(expected);
  // The store still serves the others.
  const other = await store.client();
  await other.start();
});

test.each<[string, Parameters<RawClient['subscribe']>[0], string]>([
  ['a table that the topic never had', { tables: ['shop.nothing'] }, '1008 TABLE_UNKNOWN'],
  ['a pattern beyond the limits', { tables: ['a*a*a*a*a*.x'] }, '1008 PROTOCOL_VIOLATION'],
  [
    'a checkpoint that is none',
    { from: { kind: 'checkpoint', checkpoint: 'rubbish' } },
    '1008 CHECKPOINT_INVALID',
  ],
  [
    'a checkpoint of another topic',
    {
      from: {
        kind: 'checkpoint',
        checkpoint: new Checkpoint({ topic: 'x', set: new TransactionSet() }).toString(),
      },
    },
    '1008 CHECKPOINT_INVALID',
  ],
  ['a negative time', { from: { kind: 'timestamp', time: -1 } }, '1007 PROTOCOL_VIOLATION'],
  ['a time beyond 2^53', { from: { kind: 'timestamp', time: 2 ** 53 } }, '1007 PROTOCOL_VIOLATION'],
  ['an unknown operation', { operations: ['truncate' as never] }, '1007 PROTOCOL_VIOLATION'],
])('a subscription to %s is refused', async (_, wish, expected) => {
  await using store = await StoreHarness.start({ hasTable: (table) => table === 'shop.orders' });
  const client = await store.client();
  client.hello();
  client.subscribe(wish);
  expect(await endOf(client)).toBe(expected);
});

test('a table that the grant hides is forbidden by its name, whether or not it is there', async () => {
  await using store = await StoreHarness.start({ hasTable: () => false });
  const client = await store.client({ ticket: store.signer.sign({ grant: { tables: ['shop.*'] } }) });
  client.hello();
  client.subscribe({ tables: ['hr.wages'] });
  expect(await client.message('error')).toMatchObject({ code: 'FORBIDDEN', details: { table: 'hr.wages' } });
});

test('a client that does not greet or subscribe in time is let go', async () => {
  await using store = await StoreHarness.start({ limits: { greetingMs: 200 } });
  const mute = await store.client();
  const greeted = await store.client();
  greeted.hello();
  const subscribed = await store.client();
  await subscribed.start();
  expect(await endOf(mute)).toBe('1008 PROTOCOL_VIOLATION');
  expect(await endOf(greeted)).toBe('1008 PROTOCOL_VIOLATION');
  await eventually(() => expect(store.server.sessions.map(({ state }) => state)).toEqual(['live']));
});

test('a subscription that arrives byte by byte is understood', async () => {
  await using store = await StoreHarness.start();
  const client = await store.client();
  client.hello();
  await client.message('welcome');
  const message = encodeMessage({
    type: 'subscribe',
    from: { kind: 'latest' },
    tables: [],
    operations: [],
    credit: 1,
  });
  for (let at = 0; at < message.length; at++) {
    client.webSocket.send(message.subarray(at, at + 1), { fin: at === message.length - 1, binary: true });
  }
  await client.message('subscribed');
});

test('the session ends when the ticket runs out, at its end and the tolerance', async () => {
  let skewMs = 0;
  const clock = { now: () => Date.now() + skewMs, monotonic: () => performance.now() };
  await using store = await StoreHarness.start({ clock, clockToleranceMs: 0 });
  const now = Math.floor(Date.now() / 1000);
  const client = await store.client({ ticket: store.signer.sign({ iat: now, exp: now + 2 }) });
  await client.start();
  expect(await endOf(client)).toBe('1008 TICKET_EXPIRED');
  expect(clock.now()).toBeGreaterThanOrEqual((now + 2) * 1000);
  skewMs = 600_000;
  await expect(store.client({ ticket: store.signer.sign() })).rejects.toMatchObject({
    code: 'TICKET_EXPIRED',
  });
});

test('while no manager answers a session outlives its ticket, and nobody new gets in with an old one', async () => {
  const contact = { away: true, answers: () => Promise.resolve(!contact.away), backSince: undefined };
  await using store = await StoreHarness.start({ contact, clockToleranceMs: 0 });
  store.log.register(orders);
  const now = Math.floor(Date.now() / 1000);
  const ticket = store.signer.sign({ iat: now - 10, exp: now + 1 });
  const client = await store.client({ ticket });
  await client.start();
  await eventually(() => expect(Date.now()).toBeGreaterThan((now + 1) * 1000));
  await expect(store.client({ ticket })).rejects.toMatchObject({ code: 'TICKET_EXPIRED' });
  store.log.append([insertInto(orders, 'while they are away')]);
  await client.transaction(1);
  contact.away = false;
  expect(await endOf(client)).toBe('1008 TICKET_EXPIRED');
});

test('what is taken back ends its sessions at once and lets nobody in, whoever else reads goes on', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  const iat = Math.floor(Date.now() / 1000) - 60;
  const of = (sub: string, via?: string): string => store.signer.sign({ sub, iat, via });
  const ann = await store.client({ ticket: of('ann') });
  const tokens = await store.client({ ticket: of('machine:1', 't1') });
  const bob = await store.client({ ticket: of('bob') });
  for (const client of [ann, tokens, bob]) await client.start();
  await store.revocations.include([
    { principal: 'ann', before: Date.now() },
    { principal: 'machine:1', tokenId: 't1', before: Date.now() },
  ]);
  expect([await endOf(ann), await endOf(tokens)]).toEqual(['1008 TICKET_REVOKED', '1008 TICKET_REVOKED']);
  for (const ticket of [of('ann'), of('machine:1', 't1')])
    await expect(store.client({ ticket })).rejects.toMatchObject({ status: 401, code: 'TICKET_REVOKED' });
  bob.send({ type: 'renew', ticket: of('bob') });
  await bob.message('renewed');
  await (await store.client({ ticket: of('machine:1', 't2') })).start();
  await (await store.client({ ticket: store.signer.sign({ sub: 'ann', iat: iat + 61 }) })).start();
  expect(store.server.counters.refusals.get('TICKET_REVOKED')).toBe(4);
});

test('a renewed ticket carries the stream on without a pause', async () => {
  await using store = await StoreHarness.start({ clockToleranceMs: 0 });
  store.log.register(orders);
  const now = Math.floor(Date.now() / 1000);
  const client = await store.client({ ticket: store.signer.sign({ iat: now, exp: now + 2 }) });
  await client.start();
  client.send({ type: 'renew', ticket: store.signer.sign({ exp: now + 300 }) });
  expect(await client.message('renewed')).toEqual({ type: 'renewed', expiresAt: (now + 300) * 1000 });
  await new Promise((resolve) => setTimeout(resolve, (now + 3) * 1000 - Date.now()));
  store.log.append([insertInto(orders, 'after the first ticket')]);
  await client.transaction(1);
  expect(client.received.some(({ kind }) => kind === 'closed')).toBe(false);
});

test.each<[string, (store: StoreHarness<never>) => string, string]>([
  ['another principal’s ticket', ({ signer }) => signer.sign({ sub: 'eve' }), '1008 FORBIDDEN'],
  ['another grant', ({ signer }) => signer.sign({ grant: { tables: ['shop.*'] } }), '1008 GRANT_CHANGED'],
  ['an expired ticket', ({ signer }) => signer.sign({ iat: 1000, exp: 1060 }), '1008 TICKET_EXPIRED'],
  ['another topic’s ticket', ({ signer }) => signer.sign({ aud: 'drc-store:main/x' }), '1008 FORBIDDEN'],
  ['a forged ticket', () => 'a.b.c', '1008 UNAUTHENTICATED'],
  ['a ticket of 60 KB', () => 'x'.repeat(60_000), '1008 UNAUTHENTICATED'],
])('renewing with %s ends the session', async (_, ticket, expected) => {
  await using store = await StoreHarness.start<never>();
  const client = await store.client();
  await client.start();
  client.send({ type: 'renew', ticket: ticket(store) });
  expect(await endOf(client)).toBe(expected);
});

test('a million frames for nothing end the session early', async () => {
  await using store = await StoreHarness.start();
  const client = await store.client();
  await client.start();
  const { ticket } = { ticket: store.signer.sign() };
  for (let n = 0; n < 1000; n++) client.send({ type: 'renew', ticket });
  expect(await endOf(client)).toBe('1008 RATE_LIMITED');
});

test('mutated frames end their sessions with a typed error at most, and the store lives', async () => {
  await using store = await StoreHarness.start();
  const seed = Date.now() % 2 ** 31;
  console.info(`mutation seed ${seed}`);
  const random = randomFrom(seed);
  const hello = encodeMessage({ type: 'hello', versions: [1], client: 'raw', topic: 'shop' });
  const subscribe = encodeMessage({
    type: 'subscribe',
    from: { kind: 'earliest' },
    tables: ['shop.*'],
    operations: ['insert'],
    credit: 9,
  });
  const renew = encodeMessage({ type: 'renew', ticket: store.signer.sign() });
  const describe = encodeMessage({ type: 'describe', tables: ['shop.*', 'shop.orders'] });
  const good = [hello, subscribe, describe, encodeMessage({ type: 'credit', bytes: 1 }), renew];
  const environment = environmentOf(store);
  const ends = new Map<string, number>();
  for (let sent = 0; sent < rounds(25_000, 250_000); sent++) {
    const socket = new RecordingSocket();
    const session = new Session(environment, socket, ticketOf('reader'), silent);
    if (random() < 0.7) session.receive(hello, true);
    if (random() < 0.5) session.receive(subscribe, true);
    session.receive(mutated(good[Math.floor(random() * good.length)]!, random), true);
    if (sent % 1000 === 0) await setImmediate();
    session.closed();
    ends.set(socket.end, (ends.get(socket.end) ?? 0) + 1);
  }
  console.info(Object.fromEntries(ends));
  for (const end of ends.keys()) {
    expect(end).toMatch(
      /^(open|(1007|1008) (PROTOCOL_\w+|FRAME_CORRUPT|WRONG_STORE|UNAUTHENTICATED|TABLE_UNKNOWN|FORBIDDEN))$/,
    );
  }
  expect(ends.size).toBeGreaterThan(4);
  const client = await store.client();
  await client.start();
}, 300_000);

const ticketOf = (principal: string): Ticket => ({
  principal,
  id: 'j',
  issuedAt: Date.now(),
  expiresAt: Date.now() + 600_000,
  grant: { rules: [{ tables: ['**'] }] },
});

/** Keeps how the session closed it: `open`, or the close code and the reason. */
class RecordingSocket implements SessionSocket {
  end = 'open';
  readonly unsentBytes = 0;
  send(frame: Buffer, done: () => void): void {
    openFrame(frame);
    queueMicrotask(done);
  }
  close(code: number, reason: string): void {
    this.end = `${code} ${reason}`;
  }
}

function environmentOf({ log, keys }: StoreHarness<FakeLog>): SessionEnvironment {
  return {
    topic: 'shop',
    storeId: 's',
    log,
    views: new FilterViews(log),
    verifier: new TicketVerifier({ keys, topic: 'shop', clock: systemClock }),
    contact: inContact,
    revocations: undefined,
    hasTable: () => true,
    someTable: () => true,
    topicTables: {
      written: () => Promise.resolve([orders]),
      atSource: () => Promise.resolve({ tables: [], missing: 0 }),
    },
    pool: new FramePool(),
    counters: new ServeCounters(),
    clock: systemClock,
    historyReads: new HistoryReads(),
    limits: defaultStreamServerLimits,
  };
}

function mutated(frame: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(frame);
  for (let flips = 1 + Math.floor(random() * 4); flips > 0; flips--) {
    copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
  }
  const cut = random() < 0.2 ? copy.subarray(0, Math.floor(random() * copy.length)) : copy;
  // Half of them have a good checksum, so that what is inside is looked at.
  return random() < 0.5 && cut.length > 5 ? sealFrame(Buffer.from(cut), FrameKind.control) : cut;
}

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
