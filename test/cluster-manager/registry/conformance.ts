import { maxCheckpointLength } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import type { CheckpointRecord, UserRecord } from '../../../cluster-manager/src/registry/records.js';
import type { Registry } from '../../../cluster-manager/src/registry/registry.js';

/** How a kind of registry is made, for the laws that all of them keep. */
export interface RegistryKind {
  readonly name: string;
  /** An empty place for a registry, and ways to open what is there, again after it was closed. */
  readonly make: () => Promise<{ open(): Promise<Registry> } & AsyncDisposable>;
}

export const user = (name: string, fields: Partial<UserRecord> = {}): UserRecord => ({
  name,
  administrator: false,
  password: {
    algorithm: 'scrypt',
    cost: 2,
    blockSize: 1,
    parallelization: 1,
    salt: 'c2FsdA==',
    hash: 'aGFzaA==',
  },
  credential: 'c',
  disabled: false,
  roles: [],
  grants: [{ id: '00000001', topics: ['shop'], tables: ['**'] }],
  createdAt: 1,
  ...fields,
});

const checkpoint = (fields: Partial<CheckpointRecord>): CheckpointRecord => ({
  principal: 'ann',
  topic: 'shop',
  name: 'billing',
  epoch: 1,
  client: 'test',
  takenAt: 1,
  ...fields,
});

export function registrySuite({ name, make }: RegistryKind): void {
  describe(`a registry (${name})`, () => {
    it('gives back what was put, and nothing for what was not', async () => {
      await using place = await make();
      await using registry = await place.open();
      expect(await registry.put('user', 'ann', user('ann'), 'absent')).toBe(true);
      expect((await registry.get('user', 'ann'))?.value).toEqual(user('ann'));
      expect(await registry.get('user', 'bob')).toBeUndefined();
      expect(await registry.get('machineKey', 'ann')).toBeUndefined();
    });

    it('lists the records of one kind, sorted by key', async () => {
      await using place = await make();
      await using registry = await place.open();
      for (const key of ['cy', 'ann', 'bob']) await registry.put('user', key, user(key), 'any');
      expect((await registry.list('user')).map(({ key }) => key)).toEqual(['ann', 'bob', 'cy']);
      expect((await registry.list('user')).map(({ value }) => value.name)).toEqual(['ann', 'bob', 'cy']);
      expect(await registry.list('machineKey')).toEqual([]);
    });

    it('changes a record only when it is what the caller expects', async () => {
      await using place = await make();
      await using registry = await place.open();
      expect(await registry.put('user', 'ann', user('ann'), 1)).toBe(false);
      expect(await registry.put('user', 'ann', user('ann'), 'absent')).toBe(true);
      expect(await registry.put('user', 'ann', user('ann', { createdAt: 2 }), 'absent')).toBe(false);
      const first = await registry.get('user', 'ann');
      expect(first?.value.createdAt).toBe(1);
      expect(await registry.put('user', 'ann', user('ann', { createdAt: 3 }), first?.version ?? -1)).toBe(
        true,
      );
      expect(await registry.put('user', 'ann', user('ann', { createdAt: 4 }), first?.version ?? -1)).toBe(
        false,
      );
      expect((await registry.get('user', 'ann'))?.value.createdAt).toBe(3);
      expect(await registry.put('user', 'ann', user('ann', { createdAt: 5 }), 'any')).toBe(true);
    });

    it('lets one of many writers win who expect the same', async () => {
      await using place = await make();
      await using registry = await place.open();
      const puts = Array.from({ length: 20 }, (_, i) =>
        registry.put('user', 'ann', user('ann', { createdAt: i }), 'absent'),
      );
      expect((await Promise.all(puts)).filter(Boolean)).toHaveLength(1);
    });

    it('makes changes that wait together in their order, and each of them finds those before it', async () => {
      await using place = await make();
      {
        await using registry = await place.open();
        await registry.put('user', 'cy', user('cy'), 'absent');
        const changes = [
          registry.put('user', 'ann', user('ann', { createdAt: 1 }), 'absent'),
          registry.put('user', 'ann', user('ann', { createdAt: 2 }), 'absent'),
          registry.delete('user', 'ann', 'any'),
          registry.delete('user', 'ann', 'any'),
          registry.put('user', 'bob', user('bob'), 'absent'),
          registry.put('user', 'ann', user('ann', { createdAt: 3 }), 'absent'),
          registry.delete('user', 'cy', 'any'),
          registry.put('user', 'ann', user('ann', { createdAt: 4 }), 'any'),
        ];
        expect(await Promise.all(changes)).toEqual([true, false, true, false, true, true, true, true]);
        expect((await registry.list('user')).map(({ value }) => value.createdAt)).toEqual([4, 1]);
      }
      await using registry = await place.open();
      expect((await registry.list('user')).map(({ key }) => key)).toEqual(['ann', 'bob']);
    });

    it('deletes a record only when it is what the caller expects', async () => {
      await using place = await make();
      await using registry = await place.open();
      await registry.put('user', 'ann', user('ann'), 'absent');
      const version = (await registry.get('user', 'ann'))?.version ?? -1;
      expect(await registry.delete('user', 'ann', version + 1)).toBe(false);
      expect(await registry.delete('user', 'ann', version)).toBe(true);
      expect(await registry.get('user', 'ann')).toBeUndefined();
      expect(await registry.delete('user', 'ann', 'any')).toBe(false);
    });

    it('does not take a record made anew for the one that was deleted', async () => {
      await using place = await make();
      await using registry = await place.open();
      await registry.put('user', 'ann', user('ann'), 'absent');
      const version = (await registry.get('user', 'ann'))?.version ?? -1;
      await registry.delete('user', 'ann', 'any');
      await registry.put('user', 'ann', user('ann'), 'absent');
      expect(await registry.put('user', 'ann', user('ann', { createdAt: 2 }), version)).toBe(false);
    });

    it('gives no two states of its records the same version, also over a restart', async () => {
      await using place = await make();
      const versions: number[] = [];
      for (let round = 0; round < 2; round++) {
        await using registry = await place.open();
        for (const key of ['ann', 'bob', 'ann']) {
          await registry.put('user', key, user(key), 'any');
          versions.push((await registry.get('user', key))?.version ?? -1);
        }
        await registry.delete('user', 'ann', 'any');
      }
      expect(new Set(versions).size).toBe(versions.length);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    });

    it('loses no change of writers who each go on from what they read', async () => {
      await using place = await make();
      await using registry = await place.open();
      await registry.put('user', 'ann', user('ann', { createdAt: 0 }), 'absent');
      const addOne = async (): Promise<void> => {
        for (;;) {
          const found = await registry.get('user', 'ann');
          const next = user('ann', { createdAt: (found?.value.createdAt ?? 0) + 1 });
          if (await registry.put('user', 'ann', next, found?.version ?? 'absent')) return;
        }
      };
      await Promise.all(Array.from({ length: 10 }, addOne));
      expect((await registry.get('user', 'ann'))?.value.createdAt).toBe(10);
    });

    it('keeps checkpoints up to the longest, and lets one of those who take it at once win', async () => {
      await using place = await make();
      {
        await using registry = await place.open();
        const longest = checkpoint({ epoch: 1, checkpoint: 'c'.repeat(maxCheckpointLength) });
        expect(await registry.put('checkpoint', 'ann/shop/billing', longest, 'absent')).toBe(true);
        const before = await registry.get('checkpoint', 'ann/shop/billing');
        expect(before?.value).toEqual(longest);
        const takes = Array.from({ length: 10 }, (_, i) =>
          registry.put(
            'checkpoint',
            'ann/shop/billing',
            checkpoint({ epoch: 2, client: `${i}` }),
            before!.version,
          ),
        );
        expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(1);
        const tooLong = checkpoint({ checkpoint: 'c'.repeat(maxCheckpointLength + 1) });
        await expect(registry.put('checkpoint', 'ann/shop/other', tooLong, 'any')).rejects.toThrow(
          'checkpoint',
        );
        expect(await registry.list('checkpoint')).toHaveLength(1);
      }
      await using registry = await place.open();
      expect((await registry.get('checkpoint', 'ann/shop/billing'))?.value.epoch).toBe(2);
    });

    it('takes any text for a key', async () => {
      await using place = await make();
      await using registry = await place.open();
      const keys = ['a/b', '../x', 'a%2Fb', 'ä ö', '.', 'x!y', 'a\u0000b'];
      for (const key of keys) await registry.put('user', key, user('ann'), 'absent');
      expect((await registry.list('user')).map(({ key }) => key)).toEqual(keys.toSorted());
      for (const key of keys) expect(await registry.delete('user', key, 'any')).toBe(true);
      expect(await registry.list('user')).toEqual([]);
    });

    it('is live', async () => {
      await using place = await make();
      await using registry = await place.open();
      expect(registry.state).toEqual({ kind: 'live' });
    });

    it('refuses a record that is not of its kind', async () => {
      await using place = await make();
      await using registry = await place.open();
      await expect(registry.put('user', 'ann', { ...user('ann'), name: '../ann' }, 'any')).rejects.toThrow(
        'name',
      );
      expect(await registry.list('user')).toEqual([]);
    });

    it('keeps its records to itself', async () => {
      await using place = await make();
      await using registry = await place.open();
      await registry.put('user', 'ann', user('ann'), 'absent');
      (await registry.get('user', 'ann'))?.value.roles.push('secret');
      expect((await registry.get('user', 'ann'))?.value.roles).toEqual([]);
    });

    it('has everything when it is opened again', async () => {
      await using place = await make();
      {
        await using registry = await place.open();
        for (const key of ['ann', 'bob', 'cy']) await registry.put('user', key, user(key), 'absent');
        await registry.delete('user', 'bob', 'any');
      }
      await using registry = await place.open();
      expect((await registry.list('user')).map(({ key }) => key)).toEqual(['ann', 'cy']);
    });

    it('finishes the writes under way when it is closed', async () => {
      await using place = await make();
      const first = await place.open();
      const put = first.put('user', 'ann', user('ann'), 'absent');
      await first.close();
      await first.close();
      expect(await put).toBe(true);
      await using registry = await place.open();
      expect((await registry.get('user', 'ann'))?.value.name).toBe('ann');
    });

    it('fails with CLOSED at anything on a closed registry', async () => {
      await using place = await make();
      const registry = await place.open();
      await registry.close();
      const closed = { code: 'CLOSED' };
      await expect(registry.get('user', 'ann')).rejects.toMatchObject(closed);
      await expect(registry.list('user')).rejects.toMatchObject(closed);
      await expect(registry.put('user', 'ann', user('ann'), 'any')).rejects.toMatchObject(closed);
      await expect(registry.delete('user', 'ann', 'any')).rejects.toMatchObject(closed);
    });
  });
}
