import { expect, it } from 'vitest';
import { startHub, until } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

onEachServer('A glob that matches no table', (flavour) => {
  it('is told of, also where the only tables that match are left out of the capture', async () => {
    await using hub = await startHub({
      flavour,
      stores: [{ capture: { exclude: ['shop.secret*'] } }],
    });
    await hub.source.query(`
      CREATE DATABASE shop; CREATE DATABASE hr; CREATE TABLE shop.orders (id INT PRIMARY KEY); CREATE TABLE shop.never_written (id INT);
      CREATE TABLE shop.secrets (id INT); CREATE TABLE hr.wages (id INT); INSERT INTO shop.orders VALUES (1)`);
    await hub.caughtUp();
    await using sdk = await hub.connect();
    const unmatched = async (tables: readonly string[]): Promise<readonly string[] | undefined> => {
      await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest', tables }));
      // A loop that takes what comes; it ends with the subscription.
      const loop = (async () => {
        for (;;) await reading.take();
      })().catch(() => undefined);
      await until(() => 'store' in reading.subscription.status(), 'No session begins.');
      const { unmatched: told } = reading.subscription.status();
      await reading.subscription.close();
      await loop;
      return told;
    };
    expect(await unmatched(['shop.*', 'hr.w*', '*.never_w*'])).toBeUndefined();
    expect(await unmatched(['**'])).toBeUndefined();
    expect(await unmatched(['shop.ordres*', 'shop.*', 'crm.*', 'shop.secret?'])).toEqual([
      'shop.ordres*',
      'crm.*',
      'shop.secret?',
    ]);
  });
});
