import { expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../store/src/clock.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { captured, orders, sharedSource } from './shared-source.js';

const behindMs = 90_000;

/** Of a machine whose clock is behind the source's. */
const slowClock: Clock = {
  now: () => systemClock.now() - behindMs,
  monotonic: () => systemClock.monotonic(),
};

/** `serve.seekMargin` by default. */
const seekMarginMs = { mariadb: 10_000, mysql: 1_000 } as const;

onEachServer('A store whose clock is behind the source’s', (flavour) => {
  const source = sharedSource(flavour);

  it('begins no later than at the moment that a reader names', async () => {
    await using rig = await captured(source(), `${orders}; INSERT INTO shop.t VALUES (1, 'before')`, {
      clock: slowClock,
    });
    const named = Date.now();
    await source().query("INSERT INTO shop.t VALUES (2, 'behind')");
    await rig.reaches(await newestId(source()));
    const last = rig.log.head.value;
    const margin = seekMarginMs[flavour];
    expect(last.time).toBeGreaterThanOrEqual(named - margin);
    const { lsn } = await rig.log.seek({ kind: 'timestamp', time: named }, margin);
    expect(lsn).toBeLessThanOrEqual(last.lsn);
  });

  it('does not claim moments of the source from before its log', async () => {
    const before = Date.now();
    await using rig = await captured(source(), orders, { clock: slowClock });
    // Clocks of whole ms.
    expect(rig.log.extent().coversFrom).toBeGreaterThanOrEqual(before - 2);
  });
});
