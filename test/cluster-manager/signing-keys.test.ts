import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { administer, createMachineKey } from '@drc/cluster-manager';
import { expect, it } from 'vitest';
import { EmbeddedRegistry } from '../../cluster-manager/src/registry/embedded.js';
import { cheapPasswords, managerFolder, type ManagerFolder, type TestManager } from './fixture.js';

/** Three leases. */
const learningMs = 45_000;
const lives = { ticketLifeMs: 60_000, tokenLifeMs: 120_000 };
/** Until an old key is forgotten: the longest life, and clocks that differ. */
const oldKeyMs = lives.tokenLifeMs + 30_000;

const kidOf = (token: string): string => {
  const [header = ''] = token.split('.');
  return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid;
};

async function storeKey(folder: ManagerFolder): Promise<string> {
  return (await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] })).key;
}

/** The ids of the keys that a store is told of, and of the one that signs tickets. */
async function keysOf(manager: TestManager, key: string): Promise<{ told: string[]; signing: string }> {
  const { body } = await manager.announce(key);
  const told = (body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  const found = await manager.stores(await manager.token());
  return { told, signing: kidOf((found.body as { ticket: string }).ticket) };
}

/** Waits until the end of a rotation is on disk. */
async function settled({ directory }: ManagerFolder): Promise<void> {
  await expect.poll(() => readdir(directory), { timeout: 30_000 }).not.toContain('signing-key.next.pem');
}

const rotate = async (manager: TestManager) =>
  manager.request('POST', '/v1/keys/rotate', { token: await manager.token() });

it('A new key is told to the stores before it is signed with, and the old one is good while what it signed is', async () => {
  await using folder = await managerFolder();
  const key = await storeKey(folder);
  await using manager = await folder.start(lives);
  const login = await manager.token();
  const old = kidOf(login);
  const made = (await rotate(manager)).body as { kid: string; before: string };
  expect(made).toEqual({ kid: expect.not.stringMatching(old) as unknown, before: old });
  expect(manager.audited('key.rotate')).toMatchObject([{ principal: 'admin', subject: made.kid }]);
  const both = [old, made.kid].sort();
  expect(await keysOf(manager, key)).toEqual({ told: both, signing: old });
  expect(await rotate(manager)).toMatchObject({
    status: 400,
    body: { error: { details: { reason: 'underWay' } } },
  });

  folder.clock.advance(learningMs);
  expect(await keysOf(manager, key)).toEqual({ told: both, signing: made.kid });
  expect((await manager.request('GET', '/v1/topics', { token: login })).status).toBe(200);
  expect((await manager.request('GET', '/v1/keys')).body).not.toMatchObject({
    keys: [{ until: expect.anything() as unknown }],
  });

  await settled(folder);
  folder.clock.advance(oldKeyMs);
  expect(await keysOf(manager, key)).toEqual({ told: [made.kid], signing: made.kid });
  const again = (await rotate(manager)).body as { kid: string; before: string };
  expect(again.before).toBe(made.kid);
  expect((await keysOf(manager, key)).told).toEqual([made.kid, again.kid].sort());
});

it('A rotation goes on after a restart, and gives the stores their time again', async () => {
  await using folder = await managerFolder();
  const key = await storeKey(folder);
  let made: { kid: string; before: string };
  {
    await using manager = await folder.start(lives);
    made = (await rotate(manager)).body as typeof made;
    folder.clock.advance(learningMs - 1);
  }
  expect((await stat(join(folder.directory, 'signing-key.next.pem'))).mode & 0o777).toBe(0o600);
  {
    await using manager = await folder.start(lives);
    expect(await keysOf(manager, key)).toEqual({
      told: [made.before, made.kid].sort(),
      signing: made.before,
    });
    folder.clock.advance(learningMs);
    expect((await keysOf(manager, key)).signing).toBe(made.kid);
    await settled(folder);
  }
  await using manager = await folder.start(lives);
  expect(await keysOf(manager, key)).toEqual({ told: [made.before, made.kid].sort(), signing: made.kid });
});

it('A rotation whose end was interrupted is ended at the next start', async () => {
  await using folder = await managerFolder();
  const key = await storeKey(folder);
  let made: { kid: string; before: string };
  {
    await using manager = await folder.start(lives);
    made = (await rotate(manager)).body as typeof made;
  }
  {
    // As after a kill behind the old key's record and before the file takes its place.
    await using registry = await EmbeddedRegistry.open(folder);
    const old = (await registry.get('signingKey', made.before))!;
    await registry.put(
      'signingKey',
      made.before,
      { ...old.value, until: folder.clock.now() + oldKeyMs },
      'any',
    );
  }
  await using manager = await folder.start(lives);
  expect(await keysOf(manager, key)).toEqual({ told: [made.before, made.kid].sort(), signing: made.kid });
  expect(await readdir(folder.directory)).not.toContain('signing-key.next.pem');
});

it('A rotation that was interrupted before its record is written is taken up at the next start', async () => {
  await using folder = await managerFolder();
  const key = await storeKey(folder);
  const made = await administer(folder.directory, ({ keys }) => keys.rotate(), {
    passwordCost: cheapPasswords,
  });
  {
    await using registry = await EmbeddedRegistry.open(folder);
    await registry.delete('signingKey', made.kid, 'any');
  }
  await using manager = await folder.start(lives);
  expect((await keysOf(manager, key)).told).toEqual([made.before, made.kid].sort());
});

it('The key of a stopped manager is rotated once it runs', async () => {
  await using folder = await managerFolder();
  const key = await storeKey(folder);
  const options = { passwordCost: cheapPasswords, clock: folder.clock };
  const made = await administer(folder.directory, ({ keys }) => keys.rotate(), options);
  folder.clock.advance(10 * learningMs);
  await using manager = await folder.start(lives);
  expect((await keysOf(manager, key)).signing).toBe(made.before);
  folder.clock.advance(learningMs);
  expect((await keysOf(manager, key)).signing).toBe(made.kid);
});
