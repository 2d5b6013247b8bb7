import { readFile, writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  FrameKind,
  openFrame,
  parseChunkHeader,
  RecordKind,
  RecordReader,
  schemaIdOf,
  TransactionSet,
} from '@drc/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExportRequest, exportLog, type LogExport } from '../../../store/src/export/log-export.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { copyOf, fillAuditedLog, flip, inDatabase } from '../log/support/audited-log.js';
import { append, openLog, source } from '../log/support/log-fixture.js';
import { chunkKey } from '../../../store/src/log/keys.js';
import type { RawClient } from '../serve/raw-client.js';
import { StoreHarness } from '../serve/store-harness.js';

const { signal } = new AbortController();
const gap = '0-1-2500';
const all = { from: { kind: 'earliest' }, to: { kind: 'latest' }, acknowledgeGaps: [gap] } as const;

let original: TemporaryFolder;
beforeAll(async () => {
  original = await temporaryFolder('export');
  await fillAuditedLog(original.path);
});
afterAll(async () => {
  await original[Symbol.asyncDispose]();
});

let files = 0;
const exported = (request: Partial<ExportRequest> = {}): Promise<LogExport> =>
  exportLog(
    { directory: original.path },
    { ...all, path: original.file(`export-${++files}.drc`), ...request },
    { signal },
  );

/** What a file holds, read as docs/protocol.md says. */
async function read(path: string): Promise<{ header: Record<string, unknown>; records: string[] }> {
  const bytes = await readFile(path);
  let at = bytes.indexOf(0x0a) + 1;
  const line = bytes.toString('utf8', 0, at);
  const header = JSON.parse(line) as Record<string, unknown>;
  const crc = crc32(line.slice(0, line.lastIndexOf(',"crc"')));
  expect(header['crc']).toBe(crc.toString(16).padStart(8, '0'));
  const reader = new RecordReader();
  const records: string[] = [];
  for (;;) {
    const length = bytes.readUInt32LE(at);
    at += 4;
    if (length === 0) break;
    const { kind, payload } = openFrame(bytes.subarray(at, at + length));
    expect(kind).toBe(FrameKind.data);
    records.push(...reader.push(payload).map((record) => recordText(record.kind, record.body)));
    at += length;
  }
  expect(at).toBe(bytes.length);
  expect(reader.pendingBytes).toBe(0);
  return { header, records };
}

const recordText = (kind: number, body: Buffer): string => `${kind} ${body.toString('hex')}`;

/** The data that a client was sent, as records, without what depends on the moment: progress. */
const recordsOf = (client: RawClient): string[] =>
  client.received.flatMap((item) => {
    if (item.kind === 'chunk') return recordText(RecordKind.chunk, item.bytes);
    if (item.kind !== 'schema') return [];
    return `${RecordKind.schema} ${schemaIdOf(item.version).toString('hex')}${Buffer.from(JSON.stringify(item.version)).toString('hex')}`;
  });
const withoutProgress = (records: readonly string[]): string[] =>
  records.filter((record) => !record.startsWith(`${RecordKind.progress} `));

test('a whole log gives the very records that a session is sent, with header and end', async () => {
  const result = await exported();
  const { header, records } = await read(result.path);
  expect(header).toMatchObject({
    drc: 'log-export',
    version: 1,
    topic: 'shop',
    lineage: result.lineage,
    fromLsn: 1,
    toLsn: 2600,
    set: '0-1-0',
    // The prepare and the gap are empty.
    transactions: 2598,
    rows: result.rows,
  });
  expect(result.rows).toBe(259 * 7 + 2339 * 3);
  expect(result.bytes).toBe((await readFile(result.path)).length);
  await using folder = await copyOf(original);
  await using log = await openLog(folder.path);
  await using store = await StoreHarness.start({ log });
  const client = await store.client();
  await client.start({ acknowledgeGaps: [gap] });
  await client.transaction(2600);
  expect(withoutProgress(records)).toEqual(recordsOf(client));
  expect(records.length).toBeGreaterThan(withoutProgress(records).length);
});

test('a slice holds its ends, by time, transaction and number, and says what a reader has before it', async () => {
  const slices: [Partial<ExportRequest>, number, number][] = [
    [{ from: { kind: 'lsn', lsn: 10 }, to: { kind: 'lsn', lsn: 12 } }, 10, 12],
    [
      { from: { kind: 'transaction', id: '0-1-2100' }, to: { kind: 'transaction', id: '0-1-2199' } },
      2100,
      2199,
    ],
    // MariaDB's clock tells whole seconds: a second earlier.
    [{ from: { kind: 'timestamp', time: 500_000 }, to: { kind: 'timestamp', time: 600_000 } }, 499, 599],
    [{ from: { kind: 'latest' }, to: { kind: 'latest' } }, 2600, 2600],
  ];
  for (const [request, first, last] of slices) {
    const { path } = await exported(request);
    const { header, records } = await read(path);
    expect(header).toMatchObject({
      fromLsn: first,
      toLsn: last,
      set: `0-1-${first - 1}`,
      transactions: last - first + 1,
    });
    const lsns = records
      .filter((record) => record.startsWith(`${RecordKind.chunk} `))
      .map((record) => parseChunkHeader(Buffer.from(record.slice(2), 'hex')).lsn);
    expect([...new Set(lsns)]).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index));
  }
});

test('a filter leaves the rows of other tables out, and tells of what passed', async () => {
  const { path, transactions, rows } = await exported({ tables: ['shop.users'] });
  expect({ transactions, rows }).toEqual({ transactions: 259, rows: 259 });
  const { records } = await read(path);
  expect(records.filter((record) => record.startsWith(`${RecordKind.schema} `))).toHaveLength(1);
  expect(records.at(-1)).toMatch(new RegExp(`^(${RecordKind.progress}|${RecordKind.chunk}) `));
});

test('a transaction that was left out stops an export in front of it, unless it is acknowledged; no file stays', async () => {
  await expect(exported({ acknowledgeGaps: [], path: original.file('gap.drc') })).rejects.toMatchObject({
    code: 'GAP',
    details: { transaction: gap },
  });
  await expect(readFile(original.file('gap.drc'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('what the log does not have is refused, and a file that is there is left alone', async () => {
  const refusals: [Partial<ExportRequest>, string][] = [
    [{ from: { kind: 'lsn', lsn: 2601 } }, 'CONFIG_INVALID'],
    [{ from: { kind: 'lsn', lsn: 9 }, to: { kind: 'lsn', lsn: 8 } }, 'CONFIG_INVALID'],
    [{ to: { kind: 'timestamp', time: 0 } }, 'CONFIG_INVALID'],
    [{ from: { kind: 'transaction', id: '0-1-2601' } }, 'TRANSACTION_UNKNOWN'],
    [{ from: { kind: 'transaction', id: '0-1-0' } }, 'RETENTION_EXPIRED'],
  ];
  for (const [request, code] of refusals) await expect(exported(request)).rejects.toMatchObject({ code });
  await writeFile(original.file('mine'), 'mine');
  await expect(exported({ path: original.file('mine') })).rejects.toMatchObject({ code: 'DATA_FOLDER' });
  expect(await readFile(original.file('mine'), 'utf8')).toBe('mine');
  await using folder = await temporaryFolder('export');
  await using log = await openLog(folder.path);
  await log.begin(source, { file: 'binlog.000001', offset: 4 }, new TransactionSet(), true);
  await expect(
    exportLog({ directory: folder.path }, { ...all, path: folder.file('x') }, { signal }),
  ).rejects.toMatchObject({ code: 'LOG_LOCKED' });
});

test('damage within the slice ends an export, and damage beyond it does not', async () => {
  await using folder = await copyOf(original);
  await inDatabase(folder, (db) => flip(db, chunkKey(1000, 0)));
  const run = (from: number): Promise<LogExport> =>
    exportLog(
      { directory: folder.path },
      { ...all, from: { kind: 'lsn', lsn: from }, path: folder.file(`${from}.drc`) },
      { signal },
    );
  await expect(run(900)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  expect(await run(1100)).toMatchObject({ transactions: 1500 });
});

test('transactions without rows are told of by a progress at the end', async () => {
  await using folder = await temporaryFolder('export');
  {
    await using log = await openLog(folder.path);
    await log.begin(source, { file: 'binlog.000001', offset: 4 }, new TransactionSet(), true);
    for (let sequence = 1; sequence <= 3; sequence++) append(log, sequence, 1000);
    await log.flush();
  }
  const path = folder.file('empty.drc');
  const result = await exportLog({ directory: folder.path }, { ...all, path }, { signal });
  expect(result).toMatchObject({ fromLsn: 1, toLsn: 3, transactions: 0, rows: 0 });
  const { records } = await read(path);
  expect(records).toHaveLength(1);
  expect(records[0]).toMatch(/^3 /);
});
