import { DrcError, encodeChunk } from '@drc/protocol';
import { expect, test } from 'vitest';
import { sealBytes, sealChunk } from '../../../store/src/log/chunk-record.js';
import { LogReader } from '../../../store/src/log/log-reader.js';

/** One transaction of one chunk, as it is stored. */
function stored(lsn: number): Buffer {
  const header = { lsn, chunk: 0, last: true, logTime: 5, commitTime: 6, id: `0-1-${lsn}`, origin: '' };
  const bytes = encodeChunk(header, Buffer.from('parts'), sealBytes);
  sealChunk(bytes, 0);
  return bytes;
}

/** A database whose scans find these transactions, and whose keys give `get`. */
const readerOf = (found: readonly number[], get: () => Promise<Buffer | undefined>): LogReader =>
  new LogReader({ get, scanValues: () => Promise.resolve(found.map(stored)) }, () => ({
    tailLsn: 1,
    headLsn: 9,
  }));

const first = { lsn: 1, chunk: 0 };
const refused = (): Promise<never> =>
  Promise.reject(new DrcError('STORE_UNAVAILABLE', 'Cannot allocate memory'));
const damaged = (): Promise<never> => Promise.reject(new DrcError('LOG_CORRUPT', 'bad block'));
const gone = (): Promise<undefined> => Promise.resolve(undefined);

/** Of everything that asks for transaction 1. */
async function codes(reader: LogReader): Promise<unknown[]> {
  const asked = [
    reader.read(first, 9, 1024),
    reader.firstChunk(1),
    (async () => {
      for await (const { lsn } of reader.firstChunks(1, 9)) expect(lsn).toBe(1);
    })(),
  ];
  return (await Promise.allSettled(asked)).map((result) =>
    result.status === 'rejected' ? (result.reason as DrcError).code : 'no error',
  );
}

test('a scan that passed over a table which the system refuses is no damage', async () => {
  for (const found of [[], [2, 3]])
    expect(await codes(readerOf(found, refused))).toEqual([
      'STORE_UNAVAILABLE',
      'STORE_UNAVAILABLE',
      'STORE_UNAVAILABLE',
    ]);
});

test('what is not there, or cannot be read for good, is damage at its place', async () => {
  for (const get of [gone, damaged])
    await expect(readerOf([2], get).read(first, 9, 1024)).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      details: { lsn: 1, chunk: 0 },
    });
  expect((await readerOf([1, 3], gone).read(first, 9, 1024)).next).toEqual({ lsn: 2, chunk: 0 });
});
