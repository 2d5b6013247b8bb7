import { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { keptMs, readerReports, type MeasurableLog } from '../../../store/src/serve/reader-reports.js';
import type { SessionStatus } from '../../../store/src/serve/session-status.js';
import { insertInto, tableVersion, type FakeLog } from './fake-log.js';
import { eventually, StoreHarness } from './store-harness.js';

const orders = tableVersion('shop.orders');
const hour = 3_600_000;
const now = 100 * hour;

/** Transaction n came at hour n, each of 1,000 bytes; the head is 99, and the tail 10. */
class HourlyLog implements MeasurableLog {
  readonly head = { value: { lsn: 99, time: 99 * hour } };
  readonly asked: number[] = [];
  restFrom(lsn: number): Promise<{ since: number; bytes: number }> {
    this.asked.push(lsn);
    if (lsn < 10) return Promise.reject(new DrcError('RETENTION_EXPIRED', 'It is gone.'));
    return Promise.resolve({ since: lsn * hour, bytes: (100 - lsn) * 1000 });
  }
}

/** A reader, and what it was told. */
const session = (lsn: number, fields: Partial<SessionStatus> = {}) => {
  const warnings: number[] = [];
  const status: SessionStatus = {
    principal: 'anna',
    client: 'test',
    state: 'live',
    lsn,
    transactionsBehind: 0,
    outstandingBytes: 0,
    ...fields,
  };
  return { status, warnings, tellFalling: (inMs: number) => void warnings.push(inMs) };
};

describe('what a store tells of its readers', () => {
  it('has the name that they gave, and what they say they are done with, but no more than they were sent', async () => {
    await using store = await StoreHarness.start<FakeLog>();
    store.log.register(orders);
    for (let i = 0; i < 3; i++) store.log.append([insertInto(orders, `row ${i}`)]);
    await using client = await store.client();
    const subscribed = await client.start({ from: { kind: 'earliest' }, name: 'billing' });
    expect(subscribed.principal).toBe('reader');
    await client.transaction(3);
    const done = () => store.server.sessions.map(({ name, committedLsn }) => [name, committedLsn]);
    expect(done()).toEqual([['billing', undefined]]);
    for (const [lsn, shown] of [
      [2, 2],
      [1000, 3],
    ] as const) {
      client.send({ type: 'committed', lsn });
      await eventually(() => expect(done()).toEqual([['billing', shown]]));
    }
  });

  it('is how far each is behind what it is done with, and when that is trimmed', async () => {
    const sessions = [
      session(100, { name: 'all' }),
      session(100, { name: 'sent', committedLsn: 89 }),
      session(81, { state: 'replaying' }),
      session(5),
      // It has not subscribed yet.
      session(0, { state: 'agreed' }),
    ];
    const reports = await readerReports(sessions, new HourlyLog(), 90 * hour, now);
    const common = { principal: 'anna', client: 'test', state: 'live' };
    expect(reports).toEqual([
      { ...common, sentLsn: 4, lagMs: 90 * hour, lagBytes: 0, trimsInMs: 0 },
      {
        ...common,
        state: 'replaying',
        sentLsn: 80,
        lagMs: 19 * hour,
        lagBytes: 19_000,
        trimsInMs: 71 * hour,
      },
      {
        ...common,
        name: 'sent',
        sentLsn: 99,
        committedLsn: 89,
        lagMs: 10 * hour,
        lagBytes: 10_000,
        trimsInMs: 80 * hour,
      },
      { ...common, name: 'all', sentLsn: 99, lagMs: 0, lagBytes: 0 },
    ]);
  });

  it('is of the thousand that are furthest behind, and the log is asked once for each place', async () => {
    const log = new HourlyLog();
    const sessions = Array.from({ length: 1500 }, (_, i) => session(i < 700 ? 50 : i < 1400 ? 60 : 100));
    const reports = await readerReports(sessions, log, 90 * hour, now);
    expect(reports.map(({ sentLsn }) => sentLsn)).toEqual([
      ...Array<number>(700).fill(49),
      ...Array<number>(300).fill(59),
    ]);
    expect(log.asked).toEqual([50, 60]);
  });

  it('goes to those who are about to fall off the log, too', async () => {
    const readers = [5, 10, 18, 19, 20, 50, 100].map((lsn) => session(lsn));
    // What comes in now is kept for ninety hours: a tenth of that is nine, and an hour is less.
    await readerReports(readers, new HourlyLog(), 90 * hour, now);
    expect(readers.map(({ warnings }) => warnings)).toEqual([[0], [0], [], [], [], [], []]);
    const short = [92, 93, 94, 95, 100].map((lsn) => session(lsn));
    await readerReports(short, new HourlyLog(), 8 * hour, now);
    expect(short.map(({ warnings }) => warnings)).toEqual([[0], [], [], [], []]);
  });

  it('counts with what a log spans that has the size it may have', () => {
    const extent = {
      lineage: '',
      head: { lsn: 99, time: 99 * hour },
      oldest: { lsn: 10, time: 87 * hour },
      coversFrom: 0,
      setBeforeOldest: '',
    };
    const limits = { retentionMs: 24 * hour, retentionBytes: 1000 };
    expect(keptMs({ retentionMs: 24 * hour }, extent, 5000)).toBe(24 * hour);
    expect(keptMs(limits, extent, undefined)).toBe(24 * hour);
    expect(keptMs(limits, extent, 899)).toBe(24 * hour);
    expect(keptMs(limits, extent, 900)).toBe(12 * hour);
  });
});
