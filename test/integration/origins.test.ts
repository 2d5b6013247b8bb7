import type { SubscribeOptions } from '@drc/client-sdk';
import { originTableSql } from '../../client-sdk/src/congo/origin-mark.js';
import { expect, it } from 'vitest';
import { startHub, until } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

onEachServer('Transactions of other origins', (flavour) => {
  it('pass as progress where a reader leaves them out, and what it gets says where it comes from', async () => {
    await using hub = await startHub({ flavour });
    const { source } = hub;
    await source.query(
      `${originTableSql.join(';')}; CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)`,
    );
    const write = (id: number, site: string): Promise<unknown> => {
      const mark = `INSERT INTO drc.congo_origin VALUES ('${site}', 'task', 0, 1) ON DUPLICATE KEY UPDATE marked = marked + 1`;
      return source.query(
        `BEGIN; ${site === '' ? '' : `${mark};`} INSERT INTO shop.t VALUES (${id}); COMMIT`,
      );
    };
    const sites = ['', 'a', 'b', 'a', '', 'b', 'a'];
    for (const [id, site] of sites.entries()) await write(id, site);
    await hub.caughtUp();
    const last = await hub.lastId();
    await using sdk = await hub.connect();
    /** What comes of the rows, and whether all of the log counts as done at the end of it. */
    const read = async (origins: SubscribeOptions['origins']): Promise<[number, string][]> => {
      await using reading = new Reading(
        sdk.subscribe('shop', { from: 'earliest', tables: ['shop.t'], ...(origins && { origins }) }),
      );
      const seen: [number, string][] = [];
      const { subscription } = reading;
      const isOver = until(
        () => subscription.checkpoint?.set.covers(last) === true || subscription.status().kind === 'closed',
        'the log is not passed',
      );
      for (;;) {
        const next = reading.next();
        const tx = await Promise.race([next, isOver.then(() => undefined)]);
        if (tx === undefined) {
          next.catch(() => undefined);
          return seen;
        }
        for (const change of await tx.all())
          if (change.kind === 'insert') seen.push([Number(change.after['id']), tx.origin ?? '']);
        if (tx.id === last) return seen;
      }
    };
    const all = sites.map((site, id): [number, string] => [id, site]);
    const of = (...wanted: string[]) => all.filter(([, site]) => wanted.includes(site));
    expect(await read(undefined)).toEqual(all);
    expect(await read({ exclude: ['b'] })).toEqual(of('', 'a'));
    expect(await read({ exclude: ['a', ''] })).toEqual(of('b'));
    expect(await read({ include: [''] })).toEqual(of(''));
    expect(await read({ include: ['a', 'b'] })).toEqual(of('a', 'b'));
    expect(await read({ include: ['c'] })).toEqual([]);
    // At the head several readers share what is read; those of other origins do not share it with them.
    await using one = new Reading(sdk.subscribe('shop', { tables: ['shop.t'], origins: { exclude: ['a'] } }));
    await using other = new Reading(
      sdk.subscribe('shop', { tables: ['shop.t'], origins: { exclude: ['b'] } }),
    );
    const firsts = [one, other].map((reading) => reading.take());
    await expect
      .poll(() => [one, other].map(({ subscription }) => subscription.status().kind), { timeout: 60_000 })
      .toEqual(['caughtUp', 'caughtUp']);
    await write(100, 'a');
    await write(101, 'b');
    await write(102, '');
    const ids = async (reading: Reading, first: ReturnType<Reading['take']>) =>
      [await first, await reading.take()].flatMap(({ changes }) =>
        changes.map((change) => 'after' in change && change.after['id']),
      );
    expect(await ids(one, firsts[0]!)).toEqual([101, 102]);
    expect(await ids(other, firsts[1]!)).toEqual([100, 102]);
  });
});
