import { connect, type ConnectOptions, fileCheckpoints, type SubscribeOptions } from '@drc/client-sdk';
import { describe, expect, it } from 'vitest';
import { checkConnectOptions, checkSubscribeOptions } from '../../client-sdk/src/option-check.js';
import { startFakeHub } from './support/hub.js';

const clusterManager = 'http://127.0.0.1:7370';
const credentials = { machineKey: 'k' };

describe('connect', () => {
  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /^connect: it takes \{ clusterManager, credentials \}/],
    ['a misspelt option', { clusterManager, credential: {} }, /^connect: there is no option 'credential'/],
    ['no address', { credentials }, /^clusterManager: undefined is no address/],
    ['no address in a list', { clusterManager: [], credentials }, /^clusterManager: at least one/],
    ['what is no address in a list', { clusterManager: [7370], credentials }, /^clusterManager: 7370/],
    ['no credentials', { clusterManager }, /^credentials: undefined; they are \{ name, password \}/],
    ['empty credentials', { clusterManager, credentials: {} }, /^credentials: they are /],
    ['half of them', { clusterManager, credentials: { name: 'a' } }, /^credentials: .* not \{ name \}/],
    ['misspelt ones', { clusterManager, credentials: { user: 'a', password: 'b' } }, /not \{ password, user/],
    [
      'a key that is not set',
      { clusterManager, credentials: { machineKey: undefined } },
      /^credentials: they/,
    ],
    [
      'an empty key',
      { clusterManager, credentials: { machineKey: '' } },
      /^credentials.machineKey: it is empty/,
    ],
    ['a key with its line break', { clusterManager, credentials: { machineKey: 'k\n' } }, /trim\(\)/],
    [
      'a number for a password',
      { clusterManager, credentials: { name: 'a', password: 1 } },
      /^credentials.pass/,
    ],
    ['a number for a name', { clusterManager, credentials, client: 7 }, /^client: it is a name/],
    ['too long a name', { clusterManager, credentials, client: 'x'.repeat(101) }, /^client: at most 100/],
    [
      'a controller for its signal',
      { clusterManager, credentials, signal: new AbortController() },
      /^signal: /,
    ],
    ['a file for TLS', { clusterManager, credentials, tls: './ca.pem' }, /^tls: '\.\/ca\.pem'; it is \{ ca/],
    ['an authority that is none', { clusterManager, credentials, tls: { ca: './ca.pem' } }, /^tls: no PEM/],
    ['a certificate without its key', { clusterManager, credentials, tls: { cert: 'x' } }, /belong together/],
    ['a way to check nothing', { clusterManager, credentials, tls: { verify: false } }, /no option 'verify'/],
    [
      'a number for a name in TLS',
      { clusterManager, credentials, tls: { serverName: 1 } },
      /^tls\.serverName: 1/,
    ],
    [
      'plain text by half',
      { clusterManager, credentials, plaintext: true },
      /^plaintext: true; it is 'allow'/,
    ],
  ])('refuses %s in words', async (_, options, message) => {
    expect(() => checkConnectOptions(options as ConnectOptions)).toThrow(message);
    await expect(connect(options as ConnectOptions)).rejects.toThrow(message);
  });

  it('takes each kind of credentials', () => {
    for (const kind of [{ name: 'a', password: '' }, credentials, { token: 't' }])
      checkConnectOptions({ clusterManager: [clusterManager], credentials: kind, client: 'x' });
  });
});

describe('subscribe', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'a misspelt option',
      { table: ['shop.orders'] },
      /^subscribe: there is no option 'table'; there are from, /,
    ],
    ['options that are none', 'earliest', /^subscribe: the options are no object/],
    ['an empty list of tables', { tables: [] }, /^tables: the list is empty/],
    ['a text for the list', { tables: 'shop.users' }, /^tables: 'shop.users' is no list/],
    [
      'a table without its schema',
      { tables: ['users'] },
      /^tables: 'users' names no table; write schema.table/,
    ],
    ['what is no name', { tables: [undefined] }, /^tables: undefined is no name/],
    ['an unknown operation', { operations: ['inserts'] }, /^operations: 'inserts' is none of 'insert'/],
    ['a text for operations', { operations: 'insert' }, /^operations: 'insert' is no list/],
    ['an empty list of operations', { operations: [] }, /^operations: the list is empty/],
    ['one id for a list of them', { acknowledgeGaps: '0-1-7' }, /^acknowledgeGaps: '0-1-7' is no list/],
    ['a set for an id', { acknowledgeGaps: ['0-1-7,1-1-3'] }, /^acknowledgeGaps: '0-1-7,1-1-3' is no id/],
    ['a path for checkpoints', { checkpoints: './progress' }, /write fileCheckpoints\('.\/progress'\)/],
    [
      'half a checkpoint store',
      { checkpoints: { load: () => undefined } },
      /^checkpoints: it is fileCheckpoints/,
    ],
    ['a misspelt moment', { from: 'erliest' }, /^from: 'erliest' is none of 'earliest', 'latest'/],
    ['a number as a moment', { from: 1_764_000_000_000 }, /^from: 1764000000000 is none of/],
    [
      'two moments',
      { from: { timestamp: 1, checkpoint: 'x' } },
      /^from: \{ timestamp, checkpoint \} is none/,
    ],
    ['an id that is none', { from: { transaction: 'yesterday' } }, /^from.transaction: 'yesterday' is no id/],
    [
      'a checkpoint that is not there',
      { from: { checkpoint: undefined } },
      /^from.checkpoint: undefined is no/,
    ],
    ['seconds', { from: { timestamp: 1_764_000_000 } }, /Are these seconds\? Give ms since 1970/],
    ['microseconds', { from: { timestamp: 1_764_000_000_000_000 } }, /Are these microseconds\?/],
    [
      'a moment as a text',
      { from: { timestamp: '2026-11-22' } },
      /^from.timestamp: '2026-11-22' is no moment/,
    ],
    ['an invalid Date', { from: { timestamp: new Date('x') } }, /^from.timestamp: an invalid Date is no/],
    ['no signal', { signal: 'x' }, /^signal: 'x' is no AbortSignal/],
  ])('refuses %s in words', (_, options, message) => {
    expect(() => checkSubscribeOptions('shop', options as SubscribeOptions)).toThrow(message);
  });

  it('refuses more acknowledged gaps than a message has room for', () => {
    const acknowledgeGaps = Array.from({ length: 101 }, (_, index) => `0-1-${index + 1}`);
    expect(() => checkSubscribeOptions('shop', { acknowledgeGaps })).toThrow(RangeError);
  });

  it('refuses a topic that is none', () => {
    for (const topic of [undefined, '', 7])
      expect(() => checkSubscribeOptions(topic as string, {})).toThrow(/^subscribe: the topic is /);
  });

  it('takes what can be meant', () => {
    for (const from of ['earliest', 'latest', { timestamp: new Date() }, { timestamp: 1.5e12 }] as const)
      checkSubscribeOptions('shop', { from });
    const checkpoints = fileCheckpoints('./progress/');
    const tables = ['shop.orders', 'crm.*', '*', 'shop?x', '{a.b,c.d}'];
    const given = {
      tables,
      operations: ['insert', 'delete'],
      acknowledgeGaps: ['0-1-7'],
      checkpoints,
      windowBytes: 1,
    } as const;
    checkSubscribeOptions('shop', { ...given, signal: new AbortController().signal });
  });

  it('refuses at once, and leaves the hub usable', async () => {
    await using fake = await startFakeHub();
    const misspelt = { table: ['shop.orders'] } as SubscribeOptions;
    expect(() => fake.hub.subscribe('shop', misspelt)).toThrow(TypeError);
    expect(() => fake.hub.subscribe('shop', { tables: ['orders'] })).toThrow(
      expect.objectContaining({ code: 'TABLE_UNKNOWN' }),
    );
    await fake.hub.subscribe('shop').close();
  });
});

describe('a hub that was closed', () => {
  it('answers nothing more: CLOSED', async () => {
    await using fake = await startFakeHub();
    const asked = fake.hub.topics();
    await fake.hub.close();
    await expect(asked).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(fake.hub.topics()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => fake.hub.subscribe('shop')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});
