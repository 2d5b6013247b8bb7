import type { OriginWish } from '@drc/client-sdk';
import { sliceOf, testHub, type TestTables } from '@drc/client-sdk/testing';
import { expect, test } from 'vitest';
import { checkSubscribeOptions } from '../../client-sdk/src/option-check.js';
import { Filter } from '../../store/src/serve/filter.js';
import { startFakeHub } from './support/hub.js';

interface Shop {
  't.t': { id: number };
}
const tables = { 't.t': { columns: { id: 'int' }, primaryKey: ['id'] } } as const satisfies TestTables;

test('a hub for tests leaves out the origins that a store would leave out', async () => {
  const slice = sliceOf<Shop>(
    ['', 'a', 'b', ''].map((origin, id) => ({
      origin,
      changes: [{ kind: 'insert', table: 't.t', after: { id } }],
    })),
    tables,
  );
  const read = async (origins: { include: string[] } | { exclude: string[] }): Promise<unknown[]> => {
    await using hub = testHub({ topics: { t: slice } });
    await using subscription = hub.subscribe<Shop>('t', { from: 'earliest', origins });
    const seen: unknown[] = [];
    const done = hub.done('t').then(() => subscription.close());
    for await (const tx of subscription)
      for (const change of await tx.all())
        seen.push([tx.origin, change.kind === 'insert' && change.after['id']]);
    await done;
    return seen;
  };
  expect(await read({ exclude: ['a'] })).toEqual([
    [undefined, 0],
    ['b', 2],
    [undefined, 3],
  ]);
  expect(await read({ include: ['a', 'c'] })).toEqual([['a', 1]]);
});

test('a store that knows of no origins is not read from, rather than giving everything', async () => {
  await using pair = await startFakeHub();
  await using subscription = pair.hub.subscribe('shop', { origins: { exclude: ['b'] } });
  await expect(subscription[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'PROTOCOL_VERSION',
  });
});

test('origins that there cannot be are refused before anything is asked for', () => {
  const wrong: unknown[] = [
    null,
    ['b'],
    {},
    { exclude: [] },
    { include: 'b' },
    { exclude: ['B'] },
    { exclude: ['b'], include: ['c'] },
    { without: ['b'] },
  ];
  for (const origins of wrong as OriginWish[])
    expect(() => checkSubscribeOptions('shop', { origins }), JSON.stringify(origins)).toThrow(
      /^origins: either/,
    );
  expect(() => checkSubscribeOptions('shop', { origins: { include: [''] } })).not.toThrow();
});

test('what is in force names the origins, and readers of others do not share a view', () => {
  const grant = { rules: [{ tables: ['**'] }] };
  const filter = (origins?: { exclude: string[] }) =>
    new Filter({ tables: [], operations: [], origins }, grant);
  const one = filter({ exclude: ['a'] });
  expect(one.effective).toMatchObject({ origins: { exclude: ['a'] } });
  expect(filter().effective).not.toHaveProperty('origins');
  const texts = [one, filter({ exclude: ['b'] }), filter()].map(({ text }) => text);
  expect(new Set(texts).size).toBe(3);
});
