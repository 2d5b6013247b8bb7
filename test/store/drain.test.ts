import type { IncomingMessage } from 'node:http';
import { TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import { answerDrain } from '../../store/src/drain-requests.js';
import { Drain } from '../../store/src/drain.js';
import { eventually, silent } from './serve/store-harness.js';

/** Sessions that wait for these transactions, of a log without holes; an answered one is gone. */
function drainOf(lsns: number[]) {
  let announced = 0;
  const clock = { now: 0 };
  const drain = new Drain({
    executedBefore: (lsn) => Promise.resolve(TransactionSet.parse(lsn === 1 ? '' : `0-1-${lsn - 1}`)),
    moveSessions: async (canGo) => {
      for (const lsn of Array.from(lsns)) if (await canGo(lsn)) lsns.splice(lsns.indexOf(lsn), 1);
      return lsns.length;
    },
    readers: () => lsns.length,
    announce: () => announced++,
    logger: silent,
    now: () => clock.now,
  });
  return { drain, announced: () => announced, clock };
}

const other = (id: string, setBeforeOldest: string) => ({ id, setBeforeOldest });

test('readers go where another store has what they need next, and the others stay until one has', async () => {
  const lsns = [3, 11, 20, 20];
  const { drain, announced } = drainOf(lsns);
  expect(drain.status).toEqual({
    draining: false,
    readers: 4,
    staying: 0,
    otherStores: undefined,
    stops: false,
  });
  drain.begin(false);
  expect(announced()).toBe(1);
  drain.heard([]);
  await eventually(() => expect(drain.status).toMatchObject({ readers: 4, staying: 4, otherStores: 0 }));
  drain.heard([other('b', '0-1-15'), other('c', '0-1-10')]);
  await eventually(() => expect(drain.status).toMatchObject({ readers: 1, staying: 1, otherStores: 2 }));
  expect(lsns).toEqual([3]);
  drain.heard([other('b', '')]);
  await eventually(() => expect(drain.status).toMatchObject({ readers: 0, staying: 0 }));
});

test('what managers say is of no meaning without a drain, or after it was taken back', async () => {
  const lsns = [3];
  const { drain, announced } = drainOf(lsns);
  drain.heard([other('b', '')]);
  drain.begin(true);
  drain.undo();
  expect(announced()).toBe(2);
  drain.heard([other('b', '')]);
  expect(drain.status).toMatchObject({ draining: false, stops: false, readers: 1, otherStores: undefined });
});

test('a drain that is to end the store says so once no reader is left', async () => {
  const lsns = [3, 4];
  const { drain } = drainOf(lsns);
  drain.begin(false);
  let isEmpty = false;
  void drain.emptied.then(() => (isEmpty = true));
  drain.heard([other('b', '0-1-2')]);
  await eventually(() => expect(lsns).toEqual([]));
  expect(isEmpty).toBe(false);
  drain.begin(true);
  await drain.emptied;
  drain[Symbol.dispose]();
});

const request = (method: string, url: string, headers: Record<string, string> = {}): IncomingMessage =>
  ({ method, url, headers: { host: '127.0.0.1:7381', ...headers } }) as unknown as IncomingMessage;

test('an operator begins, sees and takes back a drain', () => {
  const { drain } = drainOf([3]);
  expect(answerDrain(request('GET', '/drain'), drain)).toMatchObject({
    status: 200,
    body: { draining: false },
  });
  expect(answerDrain(request('POST', '/drain?stop=true'), drain)).toMatchObject({
    status: 200,
    body: { draining: true, stops: true, readers: 1 },
  });
  expect(answerDrain(request('DELETE', '/drain'), drain)).toMatchObject({ body: { draining: false } });
  expect(answerDrain(request('POST', '/drain'), drain)).toMatchObject({ body: { stops: false } });
  expect(answerDrain(request('PUT', '/drain'), drain).status).toBe(405);
  drain.undo();
});

test('a page in a browser cannot drain a store', () => {
  const { drain } = drainOf([3]);
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { host: 'evil.example:7381' },
  ])
    expect(answerDrain(request('POST', '/drain', headers), drain).status).toBe(403);
  for (const host of ['localhost:1', '[::1]:1', '127.0.0.2'])
    expect(answerDrain(request('GET', '/drain', { host }), drain).status).toBe(200);
  expect(drain.isDraining).toBe(false);
});

test('a store that stands still moves readers once another one has gone on for a while, until it goes on itself', async () => {
  const lsns = [3, 4];
  const { drain, clock } = drainOf(lsns);
  drain.standstill(true);
  drain.heard([]);
  clock.now = 60_000;
  drain.heard([other('b', '0-1-3')]);
  clock.now = 69_000;
  drain.heard([other('b', '0-1-3')]);
  expect(drain.status).toMatchObject({ draining: true, readers: 2, otherStores: 1 });
  drain.standstill(false);
  drain.standstill(true);
  clock.now = 71_000;
  drain.heard([other('b', '0-1-3')]);
  // It had gone on meanwhile: the other one's time counts anew.
  expect(drain.status).toMatchObject({ readers: 2 });
  clock.now = 81_000;
  drain.heard([other('b', '0-1-3')]);
  await eventually(() => expect(drain.status).toMatchObject({ readers: 1, staying: 1 }));
  drain.standstill(false);
  expect(drain.status).toMatchObject({ draining: false, staying: 0, otherStores: undefined });
  drain.heard([other('b', '')]);
  expect(lsns).toEqual([3]);
});

test('what an operator began goes on where the log goes on, and what the log began where he takes his back', async () => {
  const lsns = [3];
  const { drain } = drainOf(lsns);
  drain.begin(false);
  drain.standstill(true);
  drain.standstill(false);
  expect(drain.isDraining).toBe(true);
  drain.standstill(true);
  drain.undo();
  expect(drain.isDraining).toBe(true);
  drain.standstill(false);
  expect(drain.isDraining).toBe(false);
});
