import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { LockFile } from '../../../store/src/log/lock-file.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { makeZombie } from '../../support/zombie.js';

test('a held lock is refused with the holder’s pid, and free after its release', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('lock');
  const lock = await LockFile.acquire(path);
  await expect(LockFile.acquire(path)).rejects.toMatchObject({
    code: 'LOG_LOCKED',
    details: { pid: process.pid },
  });
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder.path)).toEqual([]);
  await using again = await LockFile.acquire(path);
  expect(again).toBeDefined();
  expect(await readdir(folder.path)).toEqual(['lock']);
});

test('of many that try at once exactly one gets the lock, stale or not', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('lock');
  for (const stale of [undefined, '{"pid":4194304,"started":"1","boot":"","token":"x"}', '']) {
    if (stale !== undefined) await writeFile(path, stale);
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => LockFile.acquire(path)));
    const locks = results.filter((result) => result.status === 'fulfilled');
    expect(locks.length).toBe(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LOG_LOCKED' });
    }
    await locks[0]!.value[Symbol.asyncDispose]();
    expect(await readdir(folder.path)).toEqual([]);
  }
});

test('the lock of a process that is gone, or whose number another process has now, is taken over', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('lock');
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  const mine = await LockFile.acquire(path);
  const holder = JSON.parse(await readFile(path, 'utf8')) as object;
  await mine[Symbol.asyncDispose]();
  for (const change of [{ pid: gone }, { started: '1' }, { boot: 'another' }, { pid: 0 }, { pid: -1 }]) {
    await writeFile(path, JSON.stringify({ ...holder, token: 'theirs', ...change }));
    await using lock = await LockFile.acquire(path);
    expect(lock).toBeDefined();
  }
});

test('the lock of a process that has ended and waits for its parent is taken over', async () => {
  await using folder = await temporaryFolder();
  await using zombie = await makeZombie();
  const path = folder.file('lock');
  const mine = await LockFile.acquire(path);
  const holder = JSON.parse(await readFile(path, 'utf8')) as object;
  await mine[Symbol.asyncDispose]();
  const { pid, started } = zombie;
  await writeFile(path, JSON.stringify({ ...holder, token: 'theirs', pid, started }));
  await using lock = await LockFile.acquire(path);
  expect(lock).toBeDefined();
});

test('the lock of a living process is respected', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('lock');
  const mine = await LockFile.acquire(path);
  const holder = JSON.parse(await readFile(path, 'utf8')) as object;
  await mine[Symbol.asyncDispose]();
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    await once(child, 'spawn');
    const stat = await readFile(`/proc/${child.pid}/stat`, 'latin1');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    await writeFile(path, JSON.stringify({ ...holder, pid: child.pid, started }));
    await expect(LockFile.acquire(path)).rejects.toMatchObject({
      code: 'LOG_LOCKED',
      details: { pid: child.pid },
    });
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await using lock = await LockFile.acquire(path);
  expect(lock).toBeDefined();
});

test('another thread of the same process is refused too', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('lock');
  await using lock = await LockFile.acquire(path);
  expect(lock).toBeDefined();
  const module = new URL('../../../store/dist/log/lock-file.js', import.meta.url).href;
  const code = `import(${JSON.stringify(module)}).then(({ LockFile }) => LockFile.acquire(${JSON.stringify(path)}))
    .then(() => 'got it', (error) => error.code).then((x) => require('node:worker_threads').parentPort.postMessage(x))`;
  const worker = new Worker(code, { eval: true });
  const [answer] = (await once(worker, 'message')) as [string];
  expect(answer).toBe('LOG_LOCKED');
  await worker.terminate();
});

test('releasing leaves a lock alone that somebody else has taken over', async () => {
  await using folder = await temporaryFolder();
  const path = folder.file('lock');
  const lock = await LockFile.acquire(path);
  await writeFile(path, JSON.stringify({ pid: 1, started: '', boot: '', token: 'theirs' }));
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder.path)).toEqual(['lock']);
});
