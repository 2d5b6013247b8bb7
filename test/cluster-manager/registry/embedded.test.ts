import { execFile } from 'node:child_process';
import { cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { EmbeddedRegistry } from '../../../cluster-manager/src/registry/embedded.js';
import { makeZombie } from '../../support/zombie.js';
import { temporaryFolder } from '../fixture.js';
import { registrySuite, user } from './conformance.js';

async function emptyRegistry() {
  const folder = await temporaryFolder();
  await EmbeddedRegistry.create({ directory: folder.path }, []);
  return {
    directory: folder.path,
    open: () => EmbeddedRegistry.open({ directory: folder.path }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function registryWithUsers() {
  const place = await emptyRegistry();
  await using registry = await place.open();
  for (const name of ['ann', 'bob', 'cy']) await registry.put('user', name, user(name), 'absent');
  return place;
}

registrySuite({ name: 'embedded', make: emptyRegistry });

describe('EmbeddedRegistry', () => {
  it('is open once at a time, also within one process', async () => {
    await using place = await emptyRegistry();
    await using _first = await place.open();
    const locked = { code: 'DATA_FOLDER', details: { reason: 'locked', pid: process.pid } };
    await expect(place.open()).rejects.toMatchObject(locked);
    await expect(place.open()).rejects.toMatchObject(locked);
  });

  it('takes over the lock of a process that is dead', async () => {
    await using place = await emptyRegistry();
    const { pid } = await new Promise<{ pid: number | undefined }>((resolve) => {
      const child = execFile(process.execPath, ['--version'], () => resolve({ pid: child.pid }));
    });
    await writeFile(join(place.directory, 'manager.lock'), `${pid} -\n`);
    await using registry = await place.open();
    expect(await registry.list('user')).toEqual([]);
  });

  it('takes over the lock of a process that has ended and waits for its parent', async () => {
    await using place = await emptyRegistry();
    await using zombie = await makeZombie();
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
    await writeFile(join(place.directory, 'manager.lock'), `${zombie.pid} ${boot}/${zombie.started}\n`);
    await using registry = await place.open();
    expect(await registry.list('user')).toEqual([]);
  });

  it('takes over the lock of a process whose id is in use again', async () => {
    await using place = await emptyRegistry();
    await writeFile(join(place.directory, 'manager.lock'), `${process.pid} another-boot/17\n`);
    await using registry = await place.open();
    expect(await registry.list('user')).toEqual([]);
  });

  it('takes over a lock that was torn while it was written', async () => {
    await using place = await emptyRegistry();
    await writeFile(join(place.directory, 'manager.lock'), '');
    await using registry = await place.open();
    expect(await registry.list('user')).toEqual([]);
  });

  it('is not made by opening a folder without one', async () => {
    await using folder = await temporaryFolder();
    await expect(EmbeddedRegistry.open({ directory: folder.path })).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      details: { reason: 'absent' },
    });
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('is not made over another one', async () => {
    await using place = await registryWithUsers();
    await expect(EmbeddedRegistry.create({ directory: place.directory }, [])).rejects.toMatchObject({
      code: 'DATA_FOLDER',
    });
    await using registry = await place.open();
    expect(await registry.list('user')).toHaveLength(3);
  });

  it('refuses a folder whose database is gone', async () => {
    await using place = await registryWithUsers();
    await rm(join(place.directory, 'registry'), { recursive: true });
    await expect(place.open()).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
    await expect(place.open()).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
  });

  it('refuses a folder whose database files are gone', async () => {
    await using place = await registryWithUsers();
    const files = join(place.directory, 'registry');
    for (const file of await readdir(files)) await rm(join(files, file));
    await expect(place.open()).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
    await expect(place.open()).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
  });

  it('refuses a folder that was restored from before the newest change', async () => {
    await using place = await registryWithUsers();
    const files = join(place.directory, 'registry');
    const backup = join(place.directory, 'backup');
    await cp(files, backup, { recursive: true });
    {
      await using registry = await place.open();
      await registry.delete('user', 'ann', 'any');
    }
    await rm(files, { recursive: true });
    await cp(backup, files, { recursive: true });
    await expect(place.open()).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
  });

  it('refuses a damaged mark, and the mark of a newer format', async () => {
    await using place = await registryWithUsers();
    const mark = join(place.directory, 'registry.mark');
    await writeFile(mark, '{"format":1,"rev');
    await expect(place.open()).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
    await writeFile(mark, '{"format":4,"revision":4}\n');
    await expect(place.open()).rejects.toMatchObject({ code: 'DATA_FOLDER', details: { reason: 'format' } });
  });

  it('refuses each database file cut short, or gives all records', async () => {
    await using place = await registryWithUsers();
    const cut = async (path: string, size: number): Promise<void> => truncate(path, Math.floor(size / 2));
    const outcomes = await outcomesOfDamage(place.directory, cut);
    expect(outcomes).toContain('REGISTRY_CORRUPT');
    for (const outcome of outcomes) expect(['ann bob cy', 'REGISTRY_CORRUPT']).toContain(outcome);
  });

  it('refuses each database file with a flipped bit, or gives all records', async () => {
    await using place = await registryWithUsers();
    for (const part of [0.1, 0.3, 0.5, 0.7, 0.9]) {
      const flip = async (path: string, size: number): Promise<void> => {
        const bytes = await readFile(path);
        const at = Math.floor(size * part);
        bytes[at] = (bytes[at] ?? 0) ^ 0x10;
        await writeFile(path, bytes);
      };
      for (const outcome of await outcomesOfDamage(place.directory, flip)) {
        expect(['ann bob cy', 'REGISTRY_CORRUPT']).toContain(outcome);
      }
    }
  });

  it('refuses a registry to which another program wrote', async () => {
    await using place = await registryWithUsers();
    const { Level } = await import('level');
    const level = new Level<string, string>(join(place.directory, 'registry'));
    await level.put('user!eve', JSON.stringify({ version: 9, value: user('eve', { administrator: true }) }));
    await level.close();
    await expect(place.open()).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
  });

  it('closes itself when a write fails, and has what was acknowledged when opened again', async () => {
    await using place = await registryWithUsers();
    let fail = true;
    const puts: Promise<boolean>[] = [];
    const put = (name: string) => puts.push(registry.put('user', name, user(name), 'absent'));
    const hooks = {
      at(point: string) {
        // It waits behind the write that fails, and must not be tried.
        if (point === 'registry.before-batch' && fail) put('eve');
        if (point === 'registry.after-batch' && fail) throw new Error('disk full');
      },
    };
    const registry = await EmbeddedRegistry.open({ directory: place.directory, hooks });
    put('dan');
    await expect(puts[0]).rejects.toMatchObject({ code: 'DATA_FOLDER' });
    await expect(puts[1]).rejects.toMatchObject({ code: 'DATA_FOLDER' });
    expect(puts).toHaveLength(2);
    await expect(registry.get('user', 'ann')).rejects.toMatchObject({ code: 'CLOSED' });
    await registry.close();
    fail = false;
    await using again = await place.open();
    expect((await again.list('user')).map(({ key }) => key)).toEqual(
      expect.arrayContaining(['ann', 'bob', 'cy']),
    );
    expect(await again.get('user', 'eve')).toBeUndefined();
  });

  it('writes files that only the owner can read', async () => {
    await using place = await registryWithUsers();
    expect((await stat(join(place.directory, 'registry.mark'))).mode & 0o777).toBe(0o600);
  });
});

/** Damages a copy of the folder, once for each file of the database; gives the users that were read, or the code. */
async function outcomesOfDamage(
  directory: string,
  damage: (path: string, size: number) => Promise<void>,
): Promise<string[]> {
  const outcomes: string[] = [];
  for (const file of await readdir(join(directory, 'registry'))) {
    const { size } = await stat(join(directory, 'registry', file));
    if (size === 0 || file.startsWith('LOG')) continue;
    await using copy = await temporaryFolder();
    await cp(directory, copy.path, { recursive: true });
    await damage(join(copy.path, 'registry', file), size);
    try {
      await using registry = await EmbeddedRegistry.open({ directory: copy.path });
      outcomes.push((await registry.list('user')).map(({ key }) => key).join(' '));
    } catch (error) {
      outcomes.push((error as DrcError).code);
    }
  }
  return outcomes;
}
