import { expect, test } from 'vitest';
import { onServer } from '../support/on-each-server.js';
import { runFaults, smallCluster as size } from './fault-run.js';

/** Short; `npm run test:faults` draws from other seeds, and for longer. */
const seconds = 10;

onServer('mariadb', 'a cluster under faults', (flavour) => {
  test('gives every reader everything, once and in order', async () => {
    const { faults, transactions } = await runFaults({ seed: 1, seconds, flavour, size });
    expect(faults).toEqual([]);
    expect(transactions).toBeGreaterThan(50);
  }, 400_000);

  test('is found out where a reader did not get everything', async () => {
    const { faults } = await runFaults({ seed: 2, seconds: 3, flavour, size, leaveOut: 20 });
    expect(faults.join()).toMatch(/^reader-1 got \d+ where \d+ was due/);
  }, 400_000);
});

onServer('mysql', 'a cluster under faults', (flavour) => {
  test('gives every reader everything, once and in order', async () => {
    const { faults, transactions } = await runFaults({ seed: 3, seconds, flavour, size });
    expect(faults).toEqual([]);
    expect(transactions).toBeGreaterThan(50);
  }, 400_000);
});
