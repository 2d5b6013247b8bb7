import { connect, type Hub } from '@drc/client-sdk';
import type { Described, StoreMessage } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { DescriptionPages } from '../../client-sdk/src/describe.js';
import type { TopicTables } from '../../store/src/serve/topic-tables.js';
import { tableVersion, type FakeLog } from '../store/serve/fake-log.js';
import { StoreHarness, type HarnessOptions } from '../store/serve/store-harness.js';
import { FakeManager } from './support/fake-manager.js';
import { FakeStore } from './support/fake-store.js';
import { credentials } from './support/hub.js';

const page = (tables: Described['tables'], rest: Partial<Described> = {}): Described => ({
  type: 'described',
  tables,
  last: false,
  ...rest,
});
const column = (name: string): Described['tables'][number]['columns'][number] => ({
  name,
  type: 'int',
  nullable: true,
});
const piece = (table: string, columns: readonly string[], more?: true): Described['tables'][number] => ({
  schema: 'shop',
  table,
  columns: columns.map(column),
  ...(more === undefined ? {} : { more }),
});

describe('the pages of a description', () => {
  it('are put together, tables and their columns in order', () => {
    const pages = new DescriptionPages();
    expect(pages.take(page([piece('a', ['x']), piece('b', ['y'], true)]))).toBeUndefined();
    expect(pages.take(page([piece('b', ['z'], true)]))).toBeUndefined();
    expect(pages.take(page([]))).toBeUndefined();
    const whole = pages.take(page([piece('b', ['w']), piece('c', [])], { last: true, incomplete: true }));
    expect(whole).toEqual({
      tables: [
        { schema: 'shop', table: 'a', columns: [column('x')], unwritten: false },
        { schema: 'shop', table: 'b', columns: ['y', 'z', 'w'].map(column), unwritten: false },
        { schema: 'shop', table: 'c', columns: [], unwritten: false },
      ],
      missing: undefined,
    });
  });

  it.each<[string, readonly StoreMessage[]]>([
    ['a table that another one interrupts', [page([piece('a', ['x'], true)]), page([piece('b', ['y'])])]],
    ['a table without its end', [page([piece('a', ['x'], true)], { last: true })]],
    ['another message', [{ type: 'caughtUp', lsn: 1 }]],
    [
      'columns without end',
      Array.from({ length: 101 }, () => page([piece('a', Array<string>(10_000).fill('x'))])),
    ],
    [
      'tables without columns and without end',
      Array.from({ length: 101 }, () => page(Array.from({ length: 10_000 }, () => piece('a', [])))),
    ],
  ])('are refused with %s', (_, messages) => {
    const pages = new DescriptionPages();
    expect(() => messages.forEach((message) => pages.take(message))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }) as Error,
    );
  });
});

const topicTables: TopicTables = {
  written: () => Promise.resolve([tableVersion('shop.orders', 2)]),
  atSource: () => Promise.resolve({ tables: [tableVersion('shop.new')], missing: 0 }),
};

/** The store's own server, and a hub that gets tickets which it takes. */
async function start(options: HarnessOptions<FakeLog> = {}, before: readonly string[] = []) {
  const store = await StoreHarness.start<FakeLog>({ topicTables, ...options });
  const address = `ws://127.0.0.1:${store.server.address.port}`;
  const manager = await FakeManager.start({
    stores: [...before, address],
    sign: () => store.signer.sign({ grant: { tables: ['shop.*'] } }),
  });
  const hub: Hub = await connect({ clusterManager: manager.address, credentials });
  return {
    store,
    hub,
    async [Symbol.asyncDispose]() {
      await hub.close();
      await manager[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

describe('hub.describe', () => {
  it('tells what a topic’s tables look like, and leaves no session behind', async () => {
    await using pair = await start();
    const { tables, missing } = await pair.hub.describe('shop');
    expect(missing).toBe(0);
    expect(tables.map(({ table, unwritten, columns }) => [table, unwritten, columns.length])).toEqual([
      ['new', true, 1],
      ['orders', false, 2],
    ]);
    await expect.poll(() => pair.store.server.sessions, { timeout: 30_000 }).toEqual([]);
  });

  it('is refused what may not be read, or is not there', async () => {
    await using pair = await start();
    const { hub } = pair;
    await expect(hub.describe('shop', { tables: ['crm.people'] })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(hub.describe('shop', { tables: ['shop.no'] })).rejects.toMatchObject({
      code: 'TABLE_UNKNOWN',
    });
  });

  it('asks the next store where one does not answer, or is older', async () => {
    await using old = await FakeStore.start();
    await using pair = await start({}, ['ws://127.0.0.1:1', old.address]);
    expect((await pair.hub.describe('shop')).tables).toHaveLength(2);
    expect(old.sessions).toHaveLength(1);
  });

  it('says that the stores are too old, where all are', async () => {
    await using pair = await start({ topicTables: undefined as never });
    await expect(pair.hub.describe('shop')).rejects.toMatchObject({ code: 'PROTOCOL_VERSION' });
  });

  it('refuses options that cannot be meant', async () => {
    await using pair = await start();
    const { hub } = pair;
    await expect(hub.describe('')).rejects.toThrow(TypeError);
    await expect(hub.describe('shop', { tables: [] })).rejects.toThrow(TypeError);
    await expect(hub.describe('shop', { from: 'latest' } as never)).rejects.toThrow(TypeError);
    await expect(hub.describe('shop', { tables: ['orders'] })).rejects.toMatchObject({
      code: 'TABLE_UNKNOWN',
    });
  });

  it('ends with its signal, and with the hub', async () => {
    let asked = 0;
    const never = new Promise<never>(() => undefined);
    const slow = { ...topicTables, written: () => (asked++, never) };
    await using pair = await start({ topicTables: slow });
    const abort = new AbortController();
    const described = pair.hub.describe('shop', { signal: abort.signal });
    const closed = pair.hub.describe('shop');
    await expect.poll(() => asked, { timeout: 30_000 }).toBe(2);
    abort.abort(new Error('enough'));
    await expect(described).rejects.toThrow('enough');
    await Promise.all([expect(closed).rejects.toMatchObject({ code: 'CLOSED' }), pair.hub.close()]);
    await expect(pair.hub.describe('shop')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
