import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DrcError, TransactionSet } from '@drc/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seal } from '../../../store/src/log/chunk-record.js';
import { metaKey } from '../../../store/src/log/keys.js';
import { LevelDatabase } from '../../../store/src/log/level-database.js';
import { rounds } from '../../support/rounds.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { AppendProcess, expectSampleTransactions } from './support/append-process.js';
import { append, HandClock, insertOf, openLog, orders, source } from './support/log-fixture.js';

/** A log whose writer was killed: some of it in tables, the end in a write-ahead log. */
let original: TemporaryFolder;
let durable = 0;
let head = 0;
/** Of a file, spread evenly: at each a bit is flipped. */
const places = rounds(6, 24);

beforeAll(async () => {
  original = await temporaryFolder();
  await using writer = new AppendProcess(original.path, { syncIntervalMs: 50 });
  await writer.until(() => writer.durable > 1500);
  writer.signal('SIGKILL');
  await writer.ended();
  // Opened and closed once, the log is in tables; then more comes, into a new write-ahead log.
  // Its last write is a visible transaction, and the syncs stopped some time before.
  const options = { syncIntervalMs: 10, stallSyncAfter: 300, pauseMs: 1, point: 'flush.done', times: 400 };
  await using second = new AppendProcess(original.path, options);
  if ((await second.ended()) !== 'SIGKILL') throw new Error('The second writer failed.');
  if (second.durable <= writer.durable || second.acknowledged <= second.durable + 10)
    throw new Error('The end of the log is not half durable, as these tests want it.');
  await rm(original.file('lock'), { force: true });
  durable = (
    JSON.parse((await readFile(original.file('durable-mark'), 'utf8')).split('\n')[0]!) as { lsn: number }
  ).lsn;
  await using copy = await copyOfOriginal();
  await using log = await openLog(copy.path);
  head = log.head.value.lsn;
  await expectSampleTransactions(log);
});

afterAll(async () => {
  await original[Symbol.asyncDispose]();
});

async function copyOfOriginal(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await cp(original.path, folder.path, { recursive: true });
  return folder;
}

async function levelFiles(folder: TemporaryFolder, ending: string): Promise<string[]> {
  const names = (await readdir(folder.file('level'))).filter((name) => name.endsWith(ending));
  const sizes = await Promise.all(names.map(async (name) => (await stat(folder.file('level', name))).size));
  return names.filter((_, index) => sizes[index]! > 0).map((name) => folder.file('level', name));
}

/**
 * What must hold of a damaged log: it opens or fails with a typed error; what it opens with begins at the durable
 * mark or later; and whoever reads it gets what was written, or LOG_CORRUPT, and nothing else.
 */
async function outcome(folder: TemporaryFolder): Promise<string> {
  try {
    await using log = await openLog(folder.path);
    expect(log.head.value.lsn).toBeGreaterThanOrEqual(durable);
    await expectSampleTransactions(log);
    return log.head.value.lsn < head ? 'cut' : 'whole';
  } catch (error) {
    if (!(error instanceof DrcError)) throw error;
    expect(['LOG_CORRUPT', 'LOG_MISSING']).toContain(error.code);
    return error.code;
  }
}

describe('a write-ahead log', () => {
  test('that is torn is cut beyond the durable mark, and refused before it', async () => {
    const outcomes: string[] = [];
    const [wal] = await levelFiles(original, '.log');
    const { size } = await stat(wal!);
    const cuts = [1, 2, 100, 1000, 5000, 20_000, size / 2, size - 1].map(Math.floor);
    for (const lost of cuts.filter((bytes) => bytes < size)) {
      await using folder = await copyOfOriginal();
      await truncate((await levelFiles(folder, '.log'))[0]!, size - lost);
      outcomes.push(await outcome(folder));
    }
    expect(outcomes[0]).toBe('cut');
    expect(outcomes.at(-1)).toBe('LOG_MISSING');
    expect(outcomes).not.toContain('whole');
  });

  test('whose end is zeroed or garbage is cut there', async () => {
    for (const fill of [0, 0xa5]) {
      await using folder = await copyOfOriginal();
      const path = (await levelFiles(folder, '.log'))[0]!;
      const bytes = await readFile(path);
      bytes.fill(fill, bytes.length - 300);
      await writeFile(path, bytes);
      expect(await outcome(folder)).toBe('cut');
    }
  });

  test('with one bit flipped anywhere never gives a wrong transaction or a gap', async () => {
    const outcomes = new Set<string>();
    for (let run = 0; run < places; run++) {
      await using folder = await copyOfOriginal();
      const path = (await levelFiles(folder, '.log'))[0]!;
      const bytes = await readFile(path);
      const at = Math.floor((bytes.length * (run + 0.5)) / places);
      bytes[at]! ^= 1 << run % 8;
      await writeFile(path, bytes);
      outcomes.add(await outcome(folder));
    }
    expect(outcomes).toContain('LOG_CORRUPT');
  });

  test('that is deleted is LOG_MISSING', async () => {
    await using folder = await copyOfOriginal();
    for (const path of await levelFiles(folder, '.log')) await rm(path);
    expect(await outcome(folder)).toBe('LOG_MISSING');
    // Refused again the next time: nothing was changed by looking.
    expect(await outcome(folder)).toBe('LOG_MISSING');
  });
});

/*
 * LevelDB does not check the blocks of its tables when it reads them, and its own assertions end the process on some
 * of what it then finds. So damaged tables are read by a process of their own: it may be ended so, and must not get
 * anything wrong before.
 */
async function proofOf(folder: TemporaryFolder): Promise<Proof> {
  const child = spawn(process.execPath, [proveMain, folder.path], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  const text = (await child.stdout.toArray()).join('');
  await ended;
  if (child.signalCode === 'SIGABRT' || child.signalCode === 'SIGSEGV') return { aborted: true, proven: 0 };
  const proof = JSON.parse(text) as Proof;
  expect(proof.wrong).toBeUndefined();
  if (proof.code === undefined) expect(proof.proven).toBe(proof.head);
  else expect(['LOG_CORRUPT', 'LOG_MISSING']).toContain(proof.code);
  return proof;
}

interface Proof {
  readonly head?: number;
  readonly proven: number;
  readonly code?: string;
  readonly wrong?: number;
  readonly aborted?: boolean;
}

const proveMain = fileURLToPath(new URL('support/prove-main.mjs', import.meta.url));

describe('a table file', () => {
  test('with one bit flipped anywhere never gives a wrong transaction or a gap', async () => {
    const codes = new Set<string | undefined>();
    const count = (await levelFiles(original, '.ldb')).length;
    expect(count).toBeGreaterThan(0);
    for (let run = 0; run < places; run++) {
      await using folder = await copyOfOriginal();
      const path = (await levelFiles(folder, '.ldb'))[run % count]!;
      const bytes = await readFile(path);
      const at = Math.floor((bytes.length * (run + 0.5)) / places);
      bytes[at]! ^= 1 << run % 8;
      await writeFile(path, bytes);
      codes.add((await proofOf(folder)).code);
    }
    expect(codes).toContain('LOG_CORRUPT');
  });

  test('that is cut, empty or gone is a typed error', async () => {
    for (const size of [0.5, 0.01, 0, undefined]) {
      await using folder = await copyOfOriginal();
      const path = (await levelFiles(folder, '.ldb'))[0]!;
      if (size === undefined) await rm(path);
      else await truncate(path, Math.floor((await stat(path)).size * size));
      expect((await proofOf(folder)).code).toMatch(/^LOG_(CORRUPT|MISSING)$/);
    }
  });

  test('that LevelDB cannot delete from closes the log with LOG_CORRUPT: to open it again would mend nothing', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock();
    const options = { clock, retentionMs: 1000 };
    const before = await openLog(folder.path, options);
    await before.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse(''), true);
    before.registerTable(orders);
    // A chunk is more than a block, and is compressed: LevelDB notices what is no Snappy.
    const chunksOf = (sequence: number): Buffer[] =>
      [0, 1, 2].map((chunk) => insertOf(orders, `chunk ${chunk} of ${sequence}, ${'x'.repeat(40_000)}`));
    for (let sequence = 1; sequence <= 100; sequence++) {
      append(before, sequence, clock.now(), chunksOf(sequence));
      clock.advance(1000);
    }
    await before.flush();
    await before.close();
    // Into a table.
    await (await openLog(folder.path, options)).close();
    const [path] = await levelFiles(folder, '.ldb');
    const bytes = await readFile(path!);
    const at = bytes.indexOf('chunk 1 of 20,');
    expect(at).toBeGreaterThan(0);
    await writeFile(path!, bytes.fill(0, at, at + 100));
    await using log = await openLog(folder.path, options);
    const failed: unknown[] = [];
    void log.failed.then((error) => failed.push(error));
    for (let passes = 0; passes < 100 && failed.length === 0; passes++)
      await log.trim().catch(() => undefined);
    expect(failed).toMatchObject([{ code: 'LOG_CORRUPT' }]);
    expect(() => log.beginGroup({ id: '0-1-101', commitTime: 0, origin: '' })).toThrow(
      expect.objectContaining({ code: 'LOG_CORRUPT' }),
    );
  });

  test('that lacks its second half still gives the transactions of the first', async () => {
    await using folder = await copyOfOriginal();
    const [path] = await levelFiles(folder, '.ldb');
    const bytes = await readFile(path!);
    // Zeros are no Snappy: LevelDB notices. What stands at the end says where the blocks are.
    bytes.fill(0, Math.floor(bytes.length / 2), Math.floor(bytes.length * 0.9));
    await writeFile(path!, bytes);
    const { code, proven } = await proofOf(folder);
    expect(code).toBe('LOG_CORRUPT');
    expect(proven).toBeGreaterThan(100);
  });
});

describe('a folder', () => {
  const losses: Record<string, (folder: TemporaryFolder) => Promise<void>> = {
    'without CURRENT': (folder) => rm(folder.file('level', 'CURRENT')),
    'without its database': (folder) => rm(folder.file('level'), { recursive: true }),
    'with an empty database folder': async (folder) => {
      await rm(folder.file('level'), { recursive: true });
      await mkdir(folder.file('level'));
    },
    'without its durable mark': (folder) => rm(folder.file('durable-mark')),
  };
  for (const [what, lose] of Object.entries(losses)) {
    test(`${what} is LOG_MISSING, and not begun anew`, async () => {
      await using folder = await copyOfOriginal();
      await lose(folder);
      await expect(openLog(folder.path)).rejects.toMatchObject({ code: 'LOG_MISSING' });
      await expect(openLog(folder.path)).rejects.toMatchObject({ code: 'LOG_MISSING' });
    });
  }

  test('without its manifest, or with a broken CURRENT, is a typed error', async () => {
    for (const damage of [
      async (folder: TemporaryFolder) => {
        for (const name of await readdir(folder.file('level')))
          if (name.startsWith('MANIFEST')) await rm(folder.file('level', name));
      },
      (folder: TemporaryFolder) => writeFile(folder.file('level', 'CURRENT'), 'MANIFEST-999999\n'),
      (folder: TemporaryFolder) => writeFile(folder.file('level', 'CURRENT'), ''),
    ]) {
      await using folder = await copyOfOriginal();
      await damage(folder);
      await expect(openLog(folder.path)).rejects.toMatchObject({
        code: expect.stringMatching(/^LOG_/) as string,
      });
    }
  });

  test('with the database of another log is LOG_CORRUPT', async () => {
    await using folder = await copyOfOriginal();
    await using other = await temporaryFolder();
    await (await openLog(other.path)).close();
    await rm(folder.file('level'), { recursive: true });
    await cp(other.file('level'), folder.file('level'), { recursive: true });
    await expect(openLog(folder.path)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });

  test('restored from an older backup goes on from what it holds', async () => {
    await using folder = await temporaryFolder();
    await using backup = await temporaryFolder();
    const first = await openLog(folder.path);
    await first.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse(''), true);
    append(first, 1, 1000);
    await first.flush();
    await first.close();
    await cp(folder.path, backup.path, { recursive: true });
    await using log = await openLog(backup.path);
    expect(log.lineage).toBe(first.lineage);
    expect(log.head.value.lsn).toBe(1);
  });

  test('of a newer format is LOG_FORMAT', async () => {
    await using folder = await temporaryFolder();
    await (await openLog(folder.path)).close();
    const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
    const batch = db.batch();
    const key = metaKey('identity');
    batch.put(key, seal(key, JSON.stringify({ format: 2, whatever: 'comes' })));
    await batch.write();
    await db.close();
    await expect(openLog(folder.path)).rejects.toMatchObject({
      code: 'LOG_FORMAT',
      details: { format: 2, known: 1 },
    });
  });

  test('that LevelDB says another process has open is LOG_LOCKED, also without our own lock', async () => {
    await using folder = await temporaryFolder();
    await (await openLog(folder.path)).close();
    const code = `
      const { Level } = await import(${JSON.stringify(new URL('../../../node_modules/level/index.js', import.meta.url).href)});
      await new Level(${JSON.stringify(folder.file('level'))}).open();
      const { spawnSync } = await import('node:child_process');
      process.stdout.write(spawnSync(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(`
        const { TransactionLog } = await import(${JSON.stringify(new URL('../../../store/dist/log/transaction-log.js', import.meta.url).href)});
        const { pino } = await import(${JSON.stringify(new URL('../../../node_modules/pino/pino.js', import.meta.url).href)});
        await TransactionLog.open({ directory: ${JSON.stringify(folder.path)}, topic: 'shop', diskReserveBytes: 0,
          clock: { now: Date.now, monotonic: () => 0 }, logger: pino.pino({ level: 'silent' }) })
          .then(() => process.stdout.write('opened'), (error) => process.stdout.write(error.code));
      `)}]).stdout);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code]);
    expect(stdout.toString()).toBe('LOG_LOCKED');
    expect(await readdir(folder.path)).not.toContain('lock');
  });
});

test('a folder that was left by a killed process is opened without anybody’s doing', async () => {
  await using folder = await temporaryFolder();
  await using writer = new AppendProcess(folder.path, {});
  await writer.until(() => writer.acknowledged > 10);
  await expect(openLog(folder.path)).rejects.toMatchObject({
    code: 'LOG_LOCKED',
    details: { pid: writer.pid },
  });
  writer.signal('SIGKILL');
  await writer.ended();
  expect(await readdir(folder.path)).toContain('lock');
  await using log = await openLog(join(folder.path));
  await expectSampleTransactions(log);
});
