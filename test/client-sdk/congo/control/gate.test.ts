import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { noOrders } from '../../../../client-sdk/src/congo/control/control-table.js';
import { Gate } from '../../../../client-sdk/src/congo/control/gate.js';

const signal = (): AbortSignal => new AbortController().signal;

/** Whether it opens without anybody's doing, now. */
const isOpen = async (gate: Gate): Promise<boolean> => {
  const asked = new AbortController();
  const opened = gate.open(asked.signal).then(() => true);
  const isIt = await Promise.race([opened, sleep(20, false)]);
  asked.abort();
  await opened;
  return isIt;
};

it('a task that nobody holds back passes', async () => {
  const gate = new Gate();
  gate.passed(1e9);
  expect(await isOpen(gate)).toBe(true);
  expect(gate.maxRows).toBe(Number.POSITIVE_INFINITY);
});

it('a paused task waits until it is resumed', async () => {
  const gate = new Gate();
  gate.orders = { ...noOrders, pausedAt: 1, pausedBy: 'anna' };
  expect(await isOpen(gate)).toBe(false);
  const opened = gate.open(signal());
  gate.orders = noOrders;
  await opened;
});

it('what passed is paid for with time, and a new pace forgets the debt', async () => {
  const gate = new Gate();
  gate.orders = { ...noOrders, rowsPerSecond: 10 };
  expect(await isOpen(gate)).toBe(true);
  expect(gate.maxRows).toBe(10);
  gate.passed(10_000);
  expect(await isOpen(gate)).toBe(false);
  // The same order once more is no new one.
  gate.orders = { ...noOrders, rowsPerSecond: 10 };
  expect(await isOpen(gate)).toBe(false);
  const opened = gate.open(signal());
  gate.orders = { ...noOrders, rowsPerSecond: 20 };
  await opened;
  gate.passed(20_000);
  gate.orders = noOrders;
  expect(await isOpen(gate)).toBe(true);
});

it('a debt that time has paid is none', async () => {
  const gate = new Gate();
  gate.orders = { ...noOrders, rowsPerSecond: 10 };
  gate.passed(100, Date.now() - 60_000);
  expect(await isOpen(gate)).toBe(true);
});
