import { cp, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chunkKey } from '../../store/src/log/keys.js';
import { copyOf, fillAuditedLog, flip, inDatabase } from '../store/log/support/audited-log.js';
import { openLog } from '../store/log/support/log-fixture.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { type Finished, runCommand } from './support/command.js';

let log: TemporaryFolder;
beforeAll(async () => {
  log = await temporaryFolder('store-log');
  await fillAuditedLog(log.path);
});
afterAll(async () => {
  await log[Symbol.asyncDispose]();
});

const store = (...args: readonly string[]): Promise<Finished> => runCommand(['store', ...args]);

test('ls tells what folders hold, and with --count what is in them', async () => {
  await using parent = await temporaryFolder('logs');
  for (const name of ['one', 'two']) await cp(log.path, parent.file(name), { recursive: true });
  await writeFile(parent.file('else'), '');
  const two = await store('ls', parent.path);
  expect(two.code).toBe(0);
  expect(two.stdout.match(/^shop {2}/gm)).toHaveLength(2);
  expect(two.stdout).toContain(
    '1970-01-01T00:00:01Z to 1970-01-01T00:43:20Z, 2,600 transactions (1 to 2600)',
  );
  expect(two.stdout).toContain("prepared  X'61',X'',1, since transaction 1");
  expect(two.stdout).toContain('position  binlog.000001:261000');

  const counted = await store('ls', '--data', log.path, '--count', '-o', 'json');
  expect(JSON.parse(counted.stdout)).toMatchObject({
    format: 1,
    logs: [
      {
        topic: 'shop',
        state: 'stopped',
        durableLsn: 2600,
        contents: {
          transactions: 2600,
          executed: '0-1-2600',
          tables: [
            { name: 'shop.orders', versions: 1 },
            { name: 'shop.users', versions: 1 },
          ],
        },
        counted: { rows: 8830, gaps: [{ transaction: '0-1-2500', lsn: 2500 }], faultCount: 0 },
      },
    ],
  });

  await using _running = await openLog(parent.file('one'));
  expect((await store('ls', parent.file('one'))).stdout).toContain('running');
  const none = await store('ls', parent.file('nothing'));
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('LOG_MISSING') as string });
});

test('verify ends with 0 for a whole log, and with 8 and all faults for a damaged one', async () => {
  const whole = await store('verify', '--data', log.path);
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  expect(whole.stdout).toContain('The log of shop is whole:');
  expect(whole.stdout).toContain('table    shop.users: 260 rows, 1 version');

  await using folder = await copyOf(log);
  await inDatabase(folder, async (db) => {
    await flip(db, chunkKey(77, 0));
    await flip(db, chunkKey(1777, 0));
  });
  const damaged = await store('verify', '--data', folder.path);
  expect(damaged.code).toBe(8);
  expect(damaged.stdout).toContain('The log of shop has 2 faults:');
  expect(damaged.stdout).toContain('fault    chunk 77/0: Its checksum is wrong.');
  expect(damaged.stdout).toContain('fault    chunk 1777/0: Its checksum is wrong.');
  const json = await store('verify', '--data', folder.path, '-o', 'json');
  expect(json.code).toBe(8);
  expect(JSON.parse(json.stdout)).toMatchObject({
    format: 1,
    topic: 'shop',
    result: 'damaged',
    faultCount: 2,
    faults: [{ kind: 'chunk', place: 'chunk 77/0', lsn: 77 }, { lsn: 1777 }],
    contents: { transactions: 2598, gapCount: 1 },
  });
});

test('compact changes nothing without --apply, and then gives the space of what was deleted back', async () => {
  await using folder = await copyOf(log);
  // In tables; what is deleted then stays there until they are written anew.
  await inDatabase(folder, async (db) => {
    for (let lsn = 10_000; lsn < 14_000; lsn++) {
      const batch = db.batch();
      batch.put(chunkKey(lsn, 0), Buffer.from(Array.from({ length: 1000 }, () => Math.random() * 256)));
      await batch.write();
    }
  });
  await inDatabase(folder, (db) => db.clear({ gte: chunkKey(10_000, 0), lt: chunkKey(20_000, 0) }));
  const look = await store('compact', '--data', folder.path, '-o', 'json');
  const { before } = JSON.parse(look.stdout) as { before: number };
  expect(look.stdout).toContain('"result":"dry run"');
  expect(before).toBeGreaterThan(4_000_000);
  const done = await store('compact', '--data', folder.path, '--apply', '-o', 'json');
  expect(done).toMatchObject({ code: 0, stderr: '' });
  const { after } = JSON.parse(done.stdout) as { after: number };
  expect(after).toBeLessThan(1_000_000);
  expect((await store('verify', '--data', folder.path)).code).toBe(0);
});

test('export writes a slice; what is wrong with the wish is said', async () => {
  await using folder = await temporaryFolder('export');
  const file = folder.file('slice.drc');
  const slice = ['--from', '0-1-10', '--to', '12', '--file', file];
  const written = await store('export', '--data', log.path, ...slice);
  expect(written).toMatchObject({ code: 0, stderr: '' });
  expect(written.stdout).toContain('3 transactions of shop with 13 rows (10 to 12)');
  expect((await readFile(file)).toString('utf8', 0, 200)).toMatch(
    /^\{"drc":"log-export","version":1,"topic":"shop"/,
  );

  const refusals: [string[], number, RegExp][] = [
    [slice, 1, /exists already/],
    [['--from', 'yesterday', '--file', folder.file('x')], 2, /is no place in a log/],
    [['--to', '3', '--from', '4', '--file', folder.file('x')], 2, /no transaction from 4 to 3/],
    [['--file', folder.file('x')], 1, /GAP: Transaction 0-1-2500[^]*--acknowledge-gap 0-1-2500/],
  ];
  for (const [args, code, text] of refusals) {
    const refused = await store('export', '--data', log.path, ...args);
    expect([refused.code, refused.stderr]).toEqual([code, expect.stringMatching(text)]);
  }
  const nowhere = await store('export', '--file', folder.file('x'));
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('--config or --data') as string });
});

test('all of them say what to do about a store that runs', async () => {
  await using folder = await copyOf(log);
  await using _running = await openLog(folder.path);
  for (const args of [['verify'], ['compact', '--apply'], ['export', '--file', folder.file('x')]]) {
    const refused = await store(...args, '--data', folder.path);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/LOG_LOCKED[^]*take a copy/) as string,
    });
  }
});
