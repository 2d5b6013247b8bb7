import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readDurableMark, writeDurableMark } from '../../../store/src/log/durable-mark.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const mark = { topic: 'shop', lineage: 'ab', lsn: 2 ** 33 };

test('a mark comes back as it was written, and leaves no other file', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('durable-mark');
  expect(await readDurableMark(path)).toBeUndefined();
  await writeDurableMark(path, { ...mark, lsn: 1 });
  await writeDurableMark(path, mark);
  expect(await readDurableMark(path)).toEqual(mark);
  expect(await readdir(folder.path)).toEqual(['durable-mark']);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a mark with any bit flipped, or cut anywhere, is refused', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('durable-mark');
  await writeDurableMark(path, mark);
  const bytes = await readFile(path);
  // The line feed at the end says nothing.
  for (let at = 0; at < bytes.length - 1; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << at % 8;
    await writeFile(path, flipped);
    await expect(readDurableMark(path)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    await writeFile(path, bytes.subarray(0, at));
    await expect(readDurableMark(path)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  }
});
