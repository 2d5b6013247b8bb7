import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMachineKey } from '@drc/cluster-manager';
import { Level } from 'level';
import { expect, it } from 'vitest';
import { emptyDigest, sumOf, xor } from '../../../cluster-manager/src/registry/entries.js';
import { managerFolder, type ManagerFolder } from '../fixture.js';

/** Makes of each record what the first format had: `reads` in the place of grants, and neither roles nor `disabled`. */
async function intoFirstFormat({ directory }: ManagerFolder): Promise<void> {
  const level = new Level<string, string>(join(directory, 'registry'));
  await level.open();
  let digest = emptyDigest;
  for await (const [name, text] of level.iterator()) {
    if (name === 'meta') continue;
    const { version, value } = JSON.parse(text) as { version: number; value: Record<string, unknown> };
    const { disabled: _disabled, roles: _roles, grants, ...others } = value;
    const [grant] = (grants ?? []) as { topics: string[]; tables: string[] }[];
    const reads = grant === undefined ? {} : { reads: { topics: grant.topics, tables: grant.tables } };
    const old = JSON.stringify({ version, value: { ...others, ...reads } });
    digest = xor(digest, sumOf(name, old));
    await level.put(name, old);
  }
  const { revision } = JSON.parse(await level.get('meta')) as { revision: number };
  await level.put('meta', `{"revision":${revision},"digest":"${digest.toString('hex')}"}`);
  await level.close();
  await writeFile(join(directory, 'registry.mark'), `{"format":1,"revision":${revision}}\n`);
}

it('A registry of the first format is taken over: what was read is a grant', async () => {
  await using folder = await managerFolder();
  const { key } = await createMachineKey(folder.directory, { kind: 'store', topics: ['shop', 'mail'] });
  const wanted = { kind: 'client', topics: ['shop'], tables: ['shop.orders'] } as const;
  const client = await createMachineKey(folder.directory, wanted);
  await intoFirstFormat(folder);
  await using manager = await folder.start();
  await manager.announce(key);
  const token = await manager.token();
  const { body } = await manager.request('GET', '/v1/grants', { token });
  expect(body).toEqual({
    grants: [
      { to: 'admin', id: '00000000', topics: ['**'], tables: ['**'] },
      { to: `machine:${client.id}`, id: '00000000', topics: ['shop'], tables: ['shop.orders'] },
    ],
  });
  for (const credential of [token, client.key]) expect((await manager.stores(credential)).status).toBe(200);

  const revoke = { from: `machine:${client.id}`, ids: ['00000000'] };
  expect((await manager.request('POST', '/v1/grants/revoke', { token, body: revoke })).status).toBe(200);
  expect((await manager.stores(client.key)).status).toBe(404);
  // From the first change on an older version must not write here.
  expect(await readFile(join(folder.directory, 'registry.mark'), 'utf8')).toMatch(/^\{"format":3,/);
});
