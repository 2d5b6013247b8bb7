import { Checkpoint, TransactionSet } from '@drc/protocol';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  fileCheckpoints,
  memoryCheckpoints,
  type CheckpointStore,
} from '../../client-sdk/src/checkpoint-store.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

const checkpoint = (set: string): string =>
  new Checkpoint({ topic: 'shop', set: TransactionSet.parse(set) }).toString();

const kinds: Record<string, (folder: TemporaryFolder) => CheckpointStore> = {
  'in memory': () => memoryCheckpoints(),
  'in a file': (folder) => fileCheckpoints(folder.file('progress')),
  'in a folder that does not exist yet': (folder) => fileCheckpoints(`${folder.file('a', 'b')}/`),
  'in a folder that exists': (folder) => fileCheckpoints(folder.path),
};

for (const [kind, open] of Object.entries(kinds))
  describe(`a checkpoint ${kind}`, () => {
    it('is not there until it has been saved, and then is what was saved last', async () => {
      await using folder = await temporaryFolder('checkpoint');
      const store = open(folder);
      expect(await store.load()).toBeUndefined();
      await store.save(checkpoint('0-1-1'));
      await store.save(checkpoint('0-1-2'));
      expect(await store.load()).toBe(checkpoint('0-1-2'));
    });
  });

describe('a checkpoint file', () => {
  it('is found again by another process, and is the only thing left in its folder', async () => {
    await using folder = await temporaryFolder('checkpoint');
    await fileCheckpoints(folder.path).save(checkpoint('0-1-7'));
    expect(await fileCheckpoints(folder.path).load()).toBe(checkpoint('0-1-7'));
    expect(await readdir(folder.path)).toEqual(['checkpoint']);
    expect(await readFile(folder.file('checkpoint'), 'utf8')).toBe(`${checkpoint('0-1-7')}\n`);
  });

  it('survives a crash while the next one is being written', async () => {
    await using folder = await temporaryFolder('checkpoint');
    const name = folder.file('progress');
    await fileCheckpoints(name).save(checkpoint('0-1-1'));
    const next = checkpoint('0-1-2');
    for (let torn = 0; torn <= next.length; torn += 7) {
      await writeFile(`${name}.tmp`, next.slice(0, torn));
      expect(await fileCheckpoints(name).load()).toBe(checkpoint('0-1-1'));
    }
    await fileCheckpoints(name).save(next);
    expect(await fileCheckpoints(name).load()).toBe(next);
  });

  it('that is damaged is an error, never a start from somewhere else', async () => {
    await using folder = await temporaryFolder('checkpoint');
    const name = folder.file('progress');
    const text = checkpoint('0-1-1');
    for (const damaged of ['', '\n', 'junk', text.slice(0, -3), `${text}${text}`, text.replace(/.$/, '_')]) {
      await writeFile(name, damaged);
      await expect(fileCheckpoints(name).load()).rejects.toMatchObject({
        code: 'CHECKPOINT_STORE',
        message: expect.stringContaining('Restore it; or remove it') as string,
      });
    }
  });

  it('that cannot be read or written is an error', async () => {
    await using folder = await temporaryFolder('checkpoint');
    await mkdir(folder.file('progress', 'checkpoint'), { recursive: true });
    const store = fileCheckpoints(folder.file('progress'));
    await expect(store.load()).rejects.toMatchObject({ code: 'CHECKPOINT_STORE' });
    await expect(store.save(checkpoint('0-1-1'))).rejects.toMatchObject({ code: 'CHECKPOINT_STORE' });
  });
});
