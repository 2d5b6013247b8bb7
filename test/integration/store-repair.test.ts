import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DamagedLog } from '../../store/src/log/log-repair.js';
import { type Finished, runCommand } from '../cli/support/command.js';
import { idsByLsn } from '../crash/log-contents.js';
import { startHub, type TestHub, type TestStore } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { onEachServer } from '../support/on-each-server.js';

onEachServer('drc store repair', (flavour) => {
  let hub: TestHub;
  let ledger: Ledger;
  let store: TestStore;
  beforeAll(async () => {
    hub = await startHub({ flavour });
    store = hub.store;
    ledger = await Ledger.open(hub.source);
    for (let round = 0; round < 3; round++) {
      await ledger.write(60);
      await ledger.transact(300);
      await store.reaches(ledger.lastId);
      // With each start what the log had before is written into a table.
      await store.restart();
    }
  });
  afterAll(async () => {
    await ledger[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
  });

  const data = (...names: string[]): string => hub.folder.file('store-1', ...names);

  async function repair(...flags: string[]): Promise<Finished> {
    await writeFile(hub.folder.file('store.yaml'), JSON.stringify(hub.storeSettings({ folder: 'store-1' })));
    return await runCommand(['store', 'repair', '--config', 'store.yaml', ...flags], {
      cwd: hub.folder.path,
      env: { DRC_SOURCE_PASSWORD: hub.source.password },
    });
  }

  /** Flips bits of the largest file, one by one, until one does harm: not those of checksums and of deleted entries. */
  async function damage(ending: string): Promise<void> {
    const names = (await readdir(data('level'))).filter((name) => name.endsWith(ending));
    const files = await Promise.all(
      names.map(async (name) => ({ name, bytes: await readFile(data('level', name)) })),
    );
    const { name, bytes } = files.toSorted((a, b) => b.bytes.length - a.bytes.length)[0]!;
    const { signal } = new AbortController();
    for (let share = 0.3; share < 0.9; share += 0.07) {
      bytes[Math.floor(bytes.length * share)]! ^= 1;
      const copy = hub.folder.file('copy');
      await rm(copy, { recursive: true, force: true });
      await cp(data(), copy, { recursive: true });
      await writeFile(join(copy, 'level', name), bytes);
      await using log = await DamagedLog.open({ directory: copy, topic: 'shop', signal });
      if (log.examined.proof.damage === undefined) continue;
      await writeFile(data('level', name), bytes);
      return;
    }
    throw new Error(`No flipped bit of ${name} does harm.`);
  }

  /** The reader gets everything from the beginning, and the log has each transaction once. */
  async function expectRecaptured(): Promise<void> {
    await store.start();
    await ledger.write(3);
    await store.reaches(ledger.lastId);
    expect(rowTransactions(await hub.readAll(ledger.lastId))).toEqual(ledger.transactions);
    await store.stop();
    const ids = await idsByLsn(data());
    expect([...ids.values()].slice(-ledger.transactions.length)).toEqual(
      ledger.transactions.map(({ id }) => id),
    );
  }

  test('leaves a running store and a whole log alone', async () => {
    const running = await repair();
    expect(running).toMatchObject({ code: 1, stderr: expect.stringContaining('LOG_LOCKED') as string });
    await store.stop();
    expect(await repair('--apply')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^The log of shop is whole: transactions 1 to \d+\.\n$/) as string,
    });
    await expectRecaptured();
  });

  test('cuts off a log with bits flipped in a table, and the store captures the rest again', async () => {
    await damage('.ldb');
    const dry = await repair();
    expect(dry.code).toBe(8);
    expect(dry.stdout).toMatch(/^The log of shop is damaged:\n {2}damaged {2}transaction \d+: /);
    expect(dry.stdout).toMatch(
      / {2}cut off {2}\d+ transactions?, from .+ to \S+Z\n {2}goes on {2}\S+:\d+\n {2}source {3}has the binlogs/,
    );
    expect(dry.stdout).toContain('drc store repair --config store.yaml --apply');
    expect((await readdir(data())).sort()).toEqual(['durable-mark', 'level', 'ticket-keys.json']);

    const done = await repair('--apply');
    expect(done.code).toBe(0);
    expect(done.stdout).toContain('The database as it was is in ');
    await expectRecaptured();
  });

  test('cuts off a log with a bit flipped in its write-ahead log, and the store captures the rest again', async () => {
    await store.start();
    await ledger.write(80);
    await store.reaches(ledger.lastId);
    await store.stop();
    await damage('.log');
    const json = JSON.parse((await repair('-o', 'json')).stdout) as { result: string; cutOff: number };
    expect(json).toMatchObject({
      format: 1,
      topic: 'shop',
      result: 'damaged',
      source: { kind: 'there' },
      keptIn: null,
    });
    expect(json.cutOff).toBeGreaterThan(0);
    expect((await repair('--apply')).code).toBe(0);
    await expectRecaptured();
  });

  test('says when the source no longer has what would be cut off', async () => {
    await rm(data('durable-mark'));
    for (let i = 0; i < 2; i++) await hub.source.query('FLUSH BINARY LOGS');
    const files = (await hub.source.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    // What a replica is reading stays, and a store that has ended may still be seen as one.
    for (
      let left = files.length;
      left > 1;
      left = ((await hub.source.query('SHOW BINARY LOGS')) as []).length
    )
      await hub.source.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
    const { code, stdout } = await repair('-o', 'json');
    expect(code).toBe(8);
    expect(JSON.parse(stdout)).toMatchObject({
      source: { kind: 'gone', oldestFile: files.at(-1)!.Log_name },
    });
  });
});
