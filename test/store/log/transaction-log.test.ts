import { readFile, stat, writeFile } from 'node:fs/promises';
import { TransactionSet } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import {
  append,
  contentOf,
  HandClock,
  insertOf,
  openLog,
  orders,
  source,
  tableNamed,
} from './support/log-fixture.js';

const position = { file: 'binlog.000001', offset: 4 };
const empty = TransactionSet.parse('');
const signal = new AbortController().signal;

/** What a test does to a log, and to an array beside it. */
type Step =
  | { readonly kind: 'group'; readonly chunks: readonly number[]; readonly truncateTo?: number | undefined }
  | { readonly kind: 'abandoned'; readonly chunks: readonly number[]; readonly flush: boolean }
  | { readonly kind: 'flush' }
  | { readonly kind: 'move' }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'read'; readonly from: number; readonly maxBytes: number };

const sizes = fc.array(fc.oneof(fc.nat(50), fc.nat(5000)), { minLength: 1, maxLength: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('group' as const),
    chunks: sizes,
    truncateTo: fc.option(fc.nat(4), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('abandoned' as const), chunks: sizes, flush: fc.boolean() }),
  fc.constant({ kind: 'flush' as const }),
  fc.constant({ kind: 'move' as const }),
  fc.constant({ kind: 'reopen' as const }),
  fc.record({
    kind: fc.constant('read' as const),
    from: fc.nat(40),
    maxBytes: fc.oneof(fc.constant(0), fc.nat(20_000)),
  }),
);

test('a log behaves like an array of whole transactions, whatever is appended, dropped, abandoned and reopened', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using folder = await temporaryFolder();
      let log = await openLog(folder.path);
      await log.begin(source, position, empty, true);
      try {
        // The model: what is visible, what is queued, and where the source was behind each.
        let visible: string[][] = [];
        let queued: string[][] = [];
        let offset = 4;
        let flushedOffset = 4;
        let serial = 0;
        const flush = async (): Promise<void> => {
          await log.flush();
          visible = [...visible, ...queued];
          queued = [];
          flushedOffset = offset;
        };
        const put = (count: number): Buffer => {
          serial++;
          log.registerTable(orders);
          return insertOf(orders, `${serial}:`.padEnd(count + 8, '.'));
        };
        for (const what of steps) {
          const sequence = visible.length + queued.length + 1;
          const header = { id: `0-1-${sequence}`, commitTime: sequence * 1_000_000, origin: '' };
          switch (what.kind) {
            case 'group': {
              let texts: string[] = [];
              log.beginGroup(header);
              for (const size of what.chunks) {
                const parts = put(size);
                log.putChunk(parts);
                texts.push(parts.toString('latin1'));
              }
              if (what.truncateTo !== undefined) {
                if (serial % 2 === 0) await flush();
                log.truncateGroup(what.truncateTo);
                texts = texts.slice(0, what.truncateTo);
              }
              expect(log.openGroupChunks).toBe(texts.length);
              const last = put(3);
              offset += 100;
              log.endGroup(last, { file: 'binlog.000001', offset });
              texts.push(last.toString('latin1'));
              queued.push(
                texts.map(
                  (text, i) => `${sequence}/${i}${i === texts.length - 1 ? '.' : ''} ${header.id} ${text}`,
                ),
              );
              break;
            }
            case 'abandoned':
              log.beginGroup(header);
              for (const size of what.chunks) log.putChunk(put(size));
              if (what.flush) await flush();
              log.abandonGroup();
              expect(log.openGroupChunks).toBe(0);
              break;
            case 'flush':
              await flush();
              expect(log.pendingBytes).toBe(0);
              break;
            case 'move':
              offset += 7;
              log.movePosition({ file: 'binlog.000001', offset });
              break;
            case 'reopen':
              await log.close();
              log = await openLog(folder.path);
              queued = [];
              offset = flushedOffset;
              break;
            case 'read': {
              const from = (what.from % (visible.length + 2)) + 1;
              const burst = await log.read({ lsn: from, chunk: 0 }, { maxBytes: what.maxBytes, signal });
              const wanted = visible.slice(from - 1).flat();
              expect(burst.chunks.length > 0).toBe(wanted.length > 0);
              expect(
                burst.chunks.map(
                  ({ lsn, chunk, last, id, bytes, partsAt }) =>
                    `${lsn}/${chunk}${last ? '.' : ''} ${id} ${bytes.subarray(partsAt).toString('latin1')}`,
                ),
              ).toEqual(wanted.slice(0, burst.chunks.length));
              break;
            }
          }
          expect(log.head.value.lsn).toBe(visible.length);
          expect(log.capture.position).toEqual({ file: 'binlog.000001', offset });
          const all = visible.length + queued.length;
          expect(log.capture.executed.toString()).toBe(all === 0 ? '' : `0-1-${all}`);
        }
        expect(await contentOf(log)).toEqual(visible.flat());
        // Once from memory, once from the disk.
        await log.close();
        log = await openLog(folder.path);
        expect(await contentOf(log, 1)).toEqual(visible.flat());
        for (let lsn = 1; lsn <= visible.length + 1; lsn++) {
          expect((await log.executedBefore(lsn)).toString()).toBe(lsn === 1 ? '' : `0-1-${lsn - 1}`);
        }
      } finally {
        await log.close();
      }
    }),
    { numRuns: 40 },
  );
});

describe('a new log', () => {
  test('has no head, covers nothing, and knows its lineage and replica id ever after', async () => {
    await using folder = await temporaryFolder();
    const log = await openLog(folder.path);
    const { lineage, replicaServerId } = log;
    expect(lineage).toMatch(/^[0-9a-f]{32}$/);
    expect(replicaServerId).toBeGreaterThanOrEqual(2 ** 31);
    expect(replicaServerId).toBeLessThan(2 ** 32);
    expect(log.extent()).toMatchObject({ lineage, head: { lsn: 0, time: 0 }, oldest: { lsn: 1 } });
    expect(log.extent().coversFrom).toBeGreaterThan(Date.UTC(9999, 0));
    expect(log.capture).toMatchObject({ identity: undefined, position: undefined, complete: false });
    await log.close();
    await using again = await openLog(folder.path);
    expect(again.lineage).toBe(lineage);
    expect(again.replicaServerId).toBe(replicaServerId);
  });

  test('begins where it is told, and is told once', async () => {
    await using folder = await temporaryFolder();
    const log = await openLog(folder.path);
    const executed = TransactionSet.parse('0-1-5');
    await log.begin(source, position, executed, false);
    executed.add('0-1-6');
    expect(log.capture.executed.toString()).toBe('0-1-5');
    expect(log.extent().setBeforeOldest).toBe('0-1-5');
    await expect(log.begin(source, position, executed, false)).rejects.toMatchObject({ code: 'INTERNAL' });
    await log.close();
    await using again = await openLog(folder.path);
    expect(again.capture).toMatchObject({ identity: source, position, complete: false });
    expect(again.capture.executed.toString()).toBe('0-1-5');
    expect(again.extent().setBeforeOldest).toBe('0-1-5');
  });

  test('keeps its data to itself', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.file('data'));
    expect(log).toBeDefined();
    for (const name of ['data', 'data/level'])
      expect((await stat(folder.file(name))).mode & 0o777).toBe(0o700);
    for (const name of ['data/durable-mark', 'data/lock'])
      expect((await stat(folder.file(name))).mode & 0o777).toBe(0o600);
  });
});

describe('log time', () => {
  test('is the commit time, but never before the one before, nor more than a second after arrival', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock(10_000);
    await using log = await openLog(folder.path, { clock });
    await log.begin(source, position, empty, true);
    const year2038 = Date.UTC(2038, 0, 19);
    for (const [index, time] of [5000, 4000, year2038, 9000, 11_500].entries()) append(log, index + 1, time);
    clock.advance(5000);
    append(log, 6, 12_345);
    await log.flush();
    const { chunks } = await log.read({ lsn: 1, chunk: 0 }, { maxBytes: 1e6, signal });
    expect(chunks.map(({ logTime }) => logTime)).toEqual([5000, 5000, 11_000, 11_000, 11_000, 12_345]);
    expect(chunks[2]!.commitTime).toBe(year2038 * 1000);
    expect(log.head.value).toEqual({ lsn: 6, time: 12_345 });
  });

  test('goes on with the source’s where the store’s own clock is set back by a day', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock(200_000_000);
    await using log = await openLog(folder.path, { clock });
    await log.begin(source, position, empty, true);
    append(log, 1, 200_000_000);
    clock.wall -= 86_400_000;
    for (let sequence = 2; sequence <= 6; sequence++) {
      clock.advance(60_000);
      // A monotonic clock counts parts of a millisecond; times in the log are whole.
      clock.elapsed += 0.25;
      append(log, sequence, 200_000_000 + (sequence - 1) * 60_000);
    }
    // From a clock that is ahead.
    append(log, 7, 300_000_000);
    await log.flush();
    expect(log.head.value.time).toBe(200_301_001);
    // Whoever begins at a moment lacks nothing that was committed from then on.
    expect((await log.seek({ kind: 'timestamp', time: 200_120_000 }, 0)).lsn).toBe(3);
  });

  test('goes by the source’s own clock where that is ahead, by a day at most', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock(10_000);
    await using log = await openLog(folder.path, { clock });
    const sourceShows = (time: number, tookMs: number): Promise<number> =>
      log.sourceTime(() => {
        clock.advance(tookMs);
        return Promise.resolve(time);
      });
    expect(await sourceShows(70_000, 0)).toBe(70_000);
    await log.begin(source, position, empty, false);
    // Nothing before it is in the log, by the clock that commits go by.
    expect(log.extent().coversFrom).toBe(69_999);
    append(log, 1, 70_500);
    append(log, 2, 500_000);
    // An answer that is late says nothing against what was known.
    await sourceShows(70_000, 3000);
    append(log, 3, 500_000);
    // The source's clock was put right, and then far wrong.
    await sourceShows(13_000, 0);
    append(log, 4, 500_000);
    await sourceShows(Date.UTC(2038, 0, 19), 0);
    append(log, 5, Date.UTC(2038, 0, 19));
    await log.flush();
    const { chunks } = await log.read({ lsn: 1, chunk: 0 }, { maxBytes: 1e6, signal });
    expect(chunks.map(({ logTime }) => logTime)).toEqual([
      70_500,
      70_999,
      73_999,
      73_999,
      13_000 + 86_400_000 + 1000,
    ]);
  });

  test('is raised to what is known of the commit, but not into the future', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock(10_000);
    await using log = await openLog(folder.path, { clock });
    await log.begin(source, position, empty, true);
    append(log, 1, 5000);
    log.raiseTime(8000);
    append(log, 2, 6000);
    log.raiseTime(7000);
    append(log, 3, 6000);
    append(log, 4, 9000);
    log.raiseTime(99_000);
    append(log, 5, 6000);
    clock.advance(5000);
    append(log, 6, 12_345);
    await log.flush();
    const { chunks } = await log.read({ lsn: 1, chunk: 0 }, { maxBytes: 1e6, signal });
    expect(chunks.map(({ logTime }) => logTime)).toEqual([5000, 8000, 8000, 9000, 11_000, 12_345]);
    expect(chunks[1]!.commitTime).toBe(6_000_000);
  });
});

describe('capture', () => {
  test('is told of its own mistakes', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    const header = { id: '0-1-1', commitTime: 0, origin: '' };
    const mistake = expect.objectContaining({ code: 'INTERNAL' }) as unknown;
    expect(() => log.putChunk(Buffer.alloc(0))).toThrow(mistake);
    expect(() => log.endGroup(Buffer.alloc(0), position)).toThrow(mistake);
    log.abandonGroup();
    log.beginGroup(header);
    expect(() => log.beginGroup(header)).toThrow(mistake);
    expect(() => log.movePosition(position)).toThrow(mistake);
    expect(() => log.putChunk(insertOf(tableNamed('never_registered'), 'x'))).toThrow(mistake);
    expect(() => log.putChunk(insertOf(orders, 'x').subarray(0, 20))).toThrow(mistake);
  });

  test('sees how much is queued, and flushing with nothing queued does nothing', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, empty, true);
    expect(log.pendingBytes).toBe(0);
    log.registerTable(orders);
    append(log, 1, 1000, [insertOf(orders, Buffer.alloc(5000))]);
    expect(log.pendingBytes).toBeGreaterThan(5000);
    expect(log.head.value.lsn).toBe(0);
    await log.flush();
    await log.flush();
    expect(log.pendingBytes).toBe(0);
    expect(log.head.value.lsn).toBe(1);
  });

  test('may reuse the bytes that it handed over', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, empty, true);
    log.registerTable(orders);
    const parts = insertOf(orders, 'mine');
    append(log, 1, 1000, [parts]);
    parts.fill(0);
    await log.flush();
    expect((await contentOf(log))[0]).toContain('mine');
  });

  test('may flush several times at once: the head moves in order', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, empty, true);
    const flushes: Promise<void>[] = [];
    for (let sequence = 1; sequence <= 50; sequence++) {
      append(log, sequence, sequence * 1000);
      flushes.push(log.flush());
    }
    await Promise.all(flushes);
    expect(log.head.value.lsn).toBe(50);
    expect(await contentOf(log)).toHaveLength(50);
  });
});

describe('a closed log', () => {
  test('fails with CLOSED whatever it is asked for, and may be closed again', async () => {
    await using folder = await temporaryFolder();
    const log = await openLog(folder.path);
    await log.begin(source, position, empty, true);
    const waiting = log.head.after(0, signal);
    const closed = { code: 'CLOSED' };
    await Promise.all([expect(waiting).rejects.toMatchObject(closed), log.close()]);
    await log.close();
    const calls: ((log: TransactionLog) => unknown)[] = [
      (it) => it.beginGroup({ id: '0-1-1', commitTime: 0, origin: '' }),
      (it) => it.registerTable(orders),
      (it) => it.movePosition(position),
      (it) => it.abandonGroup(),
      (it) => it.flush(),
      (it) => it.trim(),
      (it) => it.executedBefore(1),
      (it) => it.table(Buffer.alloc(16)),
      (it) => it.seek({ kind: 'latest' }, 0),
      (it) => it.read({ lsn: 1, chunk: 0 }, { maxBytes: 1, signal }),
      (it) => it.head.after(0, signal),
    ];
    for (const call of calls) await expect((async () => await call(log))()).rejects.toMatchObject(closed);
  });

  test('lets a read that is under way end, well or with CLOSED', async () => {
    await using folder = await temporaryFolder();
    const before = await openLog(folder.path);
    await before.begin(source, position, empty, true);
    for (let sequence = 1; sequence <= 100; sequence++) append(before, sequence, 1000);
    await before.flush();
    await before.close();
    const log = await openLog(folder.path);
    const reads = Array.from({ length: 20 }, () => log.read({ lsn: 1, chunk: 0 }, { maxBytes: 1e6, signal }));
    const ended = Promise.allSettled(reads);
    await log.close();
    for (const result of await ended) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CLOSED' });
      else expect(result.value.chunks).toHaveLength(100);
    }
  });
});

describe('a data folder', () => {
  test('is opened once, and a refused second open takes nothing from the first', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, empty, true);
    await expect(openLog(folder.path)).rejects.toMatchObject({ code: 'LOG_LOCKED' });
    append(log, 1, 1000);
    await log.flush();
    await expect(openLog(folder.path)).rejects.toMatchObject({ code: 'LOG_LOCKED' });
  });

  test('of another topic is refused', async () => {
    await using folder = await temporaryFolder();
    await (await openLog(folder.path)).close();
    await expect(openLog(folder.path, { topic: 'other' })).rejects.toMatchObject({ code: 'DATA_FOLDER' });
    await using log = await openLog(folder.path);
    expect(log).toBeDefined();
  });

  test('that is a file is refused', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file('file'), '');
    await expect(openLog(folder.file('file'))).rejects.toMatchObject({ code: 'DATA_FOLDER' });
    await expect(openLog(folder.file('file', 'below'))).rejects.toMatchObject({ code: 'DATA_FOLDER' });
  });

  test('holds a mark that follows the head once the log has synced', async () => {
    await using folder = await temporaryFolder();
    const log = await openLog(folder.path);
    await log.begin(source, position, empty, true);
    append(log, 1, 1000);
    append(log, 2, 1000);
    await log.flush();
    await log.close();
    expect(await readFile(folder.file('durable-mark'), 'utf8')).toContain('"lsn":2');
  });
});

describe('reading', () => {
  test('a signal that is aborted ends it with its reason', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    const reason = new Error('enough');
    await expect(
      log.read({ lsn: 1, chunk: 0 }, { maxBytes: 1, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });

  test('goes on in the middle of a transaction', async () => {
    await using folder = await temporaryFolder();
    const before = await openLog(folder.path);
    await before.begin(source, position, empty, true);
    before.registerTable(orders);
    append(
      before,
      1,
      1000,
      Array.from({ length: 10 }, (_, i) => insertOf(orders, String(i))),
    );
    await before.flush();
    for (const reopen of [false, true]) {
      if (reopen) await before.close();
      const log = reopen ? await openLog(folder.path) : before;
      const { chunks, next } = await log.read({ lsn: 1, chunk: 7 }, { maxBytes: 1e6, signal });
      expect(chunks.map(({ chunk }) => chunk)).toEqual([7, 8, 9]);
      expect(next).toEqual({ lsn: 2, chunk: 0 });
      expect(await log.read(next, { maxBytes: 1e6, signal })).toEqual({ chunks: [], next });
      if (reopen) await log.close();
    }
  });
});

describe('table versions', () => {
  test('are found by their id, also after another open', async () => {
    await using folder = await temporaryFolder();
    const before = await openLog(folder.path);
    await before.begin(source, position, empty, true);
    const id = before.registerTable(orders);
    expect(before.registerTable({ ...orders })).toEqual(id);
    append(before, 1, 1000, [insertOf(orders, 'x')]);
    await before.flush();
    expect(await before.table(id)).toEqual(orders);
    await before.close();
    await using log = await openLog(folder.path);
    expect(await log.table(id)).toEqual(orders);
    await expect(log.table(Buffer.alloc(16))).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });
});
