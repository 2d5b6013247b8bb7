import { DrcError } from '@drc/protocol';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Head } from '../../../store/src/log/head.js';
import { HeadPace } from '../../../store/src/serve/head-pace.js';
import { eventually } from './store-harness.js';

const moment = (lsn: number): { lsn: number; time: number } => ({ lsn, time: lsn });

/** A pace whose clock stands still but for what the test adds. */
function paced(lsn = 0) {
  const head = new Head(moment(lsn));
  const clock = { now: 0 };
  return { head, clock, pace: new HeadPace(head, () => clock.now) };
}

test('everybody who waits is told once, when the head is beyond what they have', async () => {
  const { head, pace } = paced(5);
  const told: string[] = [];
  pace.wait(5, () => told.push('at the head'));
  pace.wait(7, () => told.push('ahead of it'));
  await setImmediate();
  expect(told).toEqual([]);
  head.advance(moment(6));
  await eventually(() => expect(told).toEqual(['at the head']));
  head.advance(moment(7));
  await setImmediate();
  expect(told).toEqual(['at the head']);
  head.advance(moment(8));
  await eventually(() => expect(told).toEqual(['at the head', 'ahead of it']));
});

test('whoever took the call back is not told, and whoever waits anew is', async () => {
  const { head, pace } = paced();
  const told: string[] = [];
  const cancel = pace.wait(0, () => told.push('gone'));
  cancel();
  cancel();
  pace.wait(0, () => {
    told.push('first');
    pace.wait(head.value.lsn, () => told.push('again'));
  });
  head.advance(moment(1));
  await eventually(() => expect(told).toEqual(['first']));
  head.advance(moment(2));
  await eventually(() => expect(told).toEqual(['first', 'again']));
});

test('while telling them costs nothing nobody waits; where it costs much the next round comes later', async () => {
  const { head, pace, clock } = paced();
  let rounds = 0;
  const wait = (costMs: number): void => {
    pace.wait(head.value.lsn, () => {
      rounds += 1;
      clock.now += costMs;
    });
  };
  for (let lsn = 1; lsn <= 10; lsn += 1) {
    wait(0);
    head.advance(moment(lsn));
    await setImmediate();
    await setImmediate();
    expect(rounds).toBe(lsn);
  }
  // A hundred sessions, a tenth of a millisecond each: three times as long nobody is told.
  for (let session = 0; session < 100; session += 1) wait(0.1);
  head.advance(moment(11));
  await eventually(() => expect(rounds).toBe(110));
  wait(0);
  head.advance(moment(12));
  await setImmediate();
  await setImmediate();
  expect(rounds).toBe(110);
  // By a timer, and at the latest after 20 ms of real time.
  await eventually(() => expect(rounds).toBe(111));
});

test('where no newer head will come they are told why', async () => {
  const { head, pace } = paced();
  const told: unknown[] = [];
  for (let session = 0; session < 3; session += 1) pace.wait(0, (error) => told.push(error));
  const reason = new DrcError('CLOSED', 'The log was closed.');
  head.end(reason);
  await eventually(() => expect(told).toEqual([reason, reason, reason]));
  pace.wait(0, (error) => told.push(error));
  await eventually(() => expect(told).toHaveLength(4));
});
