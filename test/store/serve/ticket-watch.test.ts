import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Ticket } from '../../../store/src/serve/authorize.js';
import { TicketWatch } from '../../../store/src/serve/ticket-watch.js';
import { Revocations } from '../../../store/src/serve/revocations.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { silent } from './store-harness.js';

const minute = 60_000;
const hour = 60 * minute;
const start = Date.UTC(2026, 5, 1);
const clock = { now: () => Date.now(), monotonic: () => Date.now() - start };

beforeEach(() => void vi.useFakeTimers({ now: start }));
afterEach(() => void vi.useRealTimers());

const ticket = (lifeMs: number, issuedAt = Date.now()): Ticket => ({
  principal: 'ann',
  issuedAt,
  expiresAt: issuedAt + lifeMs,
  grant: { rules: [] },
  id: 't',
});

/** A watch of a ticket of five minutes, and the moments (in ms from its beginning) at which it ended. */
function watched(options: { readonly graceMs?: number; readonly revocations?: Revocations } = {}) {
  const managers = { away: false, backSince: undefined as number | undefined };
  const ends: [string, number][] = [];
  const watch = new TicketWatch(ticket(5 * minute), {
    clock,
    toleranceMs: 10_000,
    graceMs: options.graceMs ?? hour,
    renewWithinMs: minute,
    contact: {
      answers: () => Promise.resolve(!managers.away),
      get backSince() {
        return managers.backSince;
      },
    },
    revocations: options.revocations,
    end: (reason) => ends.push([reason, Date.now() - start]),
  });
  return { watch, managers, ends };
}

test('a session ends with its ticket while a manager answers', async () => {
  const { ends } = watched();
  await vi.advanceTimersByTimeAsync(5 * minute + 9_999);
  expect(ends).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(ends).toEqual([['expired', 5 * minute + 10_000]]);
  await vi.advanceTimersByTimeAsync(hour);
  expect(ends).toHaveLength(1);
});

test('a renewal carries it on, and one that is disposed of ends nothing', async () => {
  const { watch, ends } = watched();
  await vi.advanceTimersByTimeAsync(4 * minute);
  watch.renew(ticket(5 * minute));
  await vi.advanceTimersByTimeAsync(5 * minute);
  expect(ends).toEqual([]);
  watch[Symbol.dispose]();
  await vi.advanceTimersByTimeAsync(hour);
  expect(ends).toEqual([]);
});

test('while no manager can be reached it goes on for the grace, and no longer', async () => {
  const { managers, ends } = watched();
  managers.away = true;
  await vi.advanceTimersByTimeAsync(5 * minute + hour);
  expect(ends).toEqual([]);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(ends).toEqual([['expired', 5 * minute + 10_000 + hour]]);
});

test('without a grace it ends with the ticket, managers or not', async () => {
  const { managers, ends } = watched({ graceMs: 0 });
  managers.away = true;
  await vi.advanceTimersByTimeAsync(5 * minute + 10_000);
  expect(ends).toEqual([['expired', 5 * minute + 10_000]]);
});

test('once a manager is back, the client must renew within a bound', async () => {
  const { watch, managers, ends } = watched();
  managers.away = true;
  await vi.advanceTimersByTimeAsync(20 * minute);
  managers.away = false;
  managers.backSince = clock.monotonic();
  await vi.advanceTimersByTimeAsync(minute / 2);
  watch.renew(ticket(5 * minute));
  await vi.advanceTimersByTimeAsync(5 * minute);
  expect(ends).toEqual([]);
  // The one outage gives no second bound.
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ends).toEqual([['expired', 25.5 * minute + 10_000]]);
});

test('who does not renew within it is let go', async () => {
  const { managers, ends } = watched();
  managers.away = true;
  await vi.advanceTimersByTimeAsync(20 * minute);
  managers.away = false;
  managers.backSince = clock.monotonic();
  await vi.advanceTimersByTimeAsync(minute + 2_000);
  expect(ends).toEqual([['expired', 21 * minute]]);
});

test('what is taken back ends it at once, whether or not the ticket ran out', async () => {
  vi.useRealTimers();
  await using folder = await temporaryFolder('watch');
  const revocations = await Revocations.open(folder.file('r.json'), clock, silent);
  const { watch, ends } = watched({ revocations });
  const issued = watch.ticket.issuedAt;
  await revocations.include([{ principal: 'bob', before: issued + hour }]);
  await revocations.include([{ principal: 'ann', before: issued }]);
  expect(ends).toEqual([]);
  await revocations.include([{ principal: 'ann', before: issued + 1 }]);
  expect(ends.map(([reason]) => reason)).toEqual(['revoked']);
  await revocations.include([{ principal: 'ann', before: issued + 2 }]);
  expect(ends).toHaveLength(1);
});
