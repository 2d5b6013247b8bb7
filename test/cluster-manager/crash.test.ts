import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { RegistryPoint } from '../../cluster-manager/src/registry/registry.js';
import { managerFolder, type ManagerFolder } from './fixture.js';

const main = fileURLToPath(new URL('crash-main.mjs', import.meta.url));

/** Runs a manager that is killed at the point, while machine keys are made; gives the keys that were answered. */
async function keysUntilKilled(
  folder: ManagerFolder,
  point: RegistryPoint,
  times: number,
): Promise<string[]> {
  const child = spawn(process.execPath, [main, folder.directory, point, String(times)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<string | null>((resolve) =>
    child.once('exit', (_code, signal) => resolve(signal)),
  );
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const url = (await lines.next()).value as string;
  const post = async (path: string, body: unknown, token = ''): Promise<Record<string, string>> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Record<string, string>;
  };
  const keys: string[] = [];
  try {
    const { token } = await post('/v1/login', folder.administrator);
    for (let i = 0; i < times + 1; i++) {
      const { key } = await post('/v1/machine-keys', { kind: 'store', topics: [`topic-${i}`] }, token);
      if (key !== undefined) keys.push(key);
    }
  } catch {
    // The connection ended with the process: what the test waits for.
  }
  expect((await lines.next()).value).toBe(point);
  expect(await ended).toBe('SIGKILL');
  return keys;
}

describe('a cluster manager that is killed', () => {
  for (const point of ['registry.before-batch', 'registry.after-batch', 'registry.after-mark'] as const) {
    for (const times of [1, 4]) {
      it(`at ${point}, write ${times}, has all that it acknowledged when it starts again`, async () => {
        await using folder = await managerFolder();
        const keys = await keysUntilKilled(folder, point, times);
        expect(keys).toHaveLength(times - 1);
        await using manager = await folder.start();
        for (const [i, key] of keys.entries()) {
          expect((await manager.announce(key, { topic: `topic-${i}` })).status).toBe(200);
        }
        const { body } = await manager.request('GET', '/v1/topics', { token: await manager.token() });
        const topics = (body as { topics: { topic: string }[] }).topics.map(({ topic }) => topic);
        // The write under way may be there or not, but nothing else is.
        const written = point === 'registry.before-batch' ? times - 1 : times;
        expect(topics).toEqual(Array.from({ length: written }, (_, i) => `topic-${i}`));
        expect(await manager.machineKey('store', ['more'])).toMatch(/^drcmk_/);
      });
    }
  }
});
