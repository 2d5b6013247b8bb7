import { readFile, stat, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Clock } from '../../../store/src/clock.js';
import { Revocations } from '../../../store/src/serve/revocations.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { silent } from './store-harness.js';

const day = 86_400_000;
const now = Date.UTC(2026, 5, 1);
const at = (time: number): Clock => ({ now: () => time, monotonic: () => 0 });

test('a ticket is void where it was issued before its principal, or the token behind it, was shut out', async () => {
  await using folder = await temporaryFolder('revocations');
  const revocations = await Revocations.open(folder.file('r.json'), at(now), silent);
  await revocations.include([
    { principal: 'ann', before: now },
    { principal: 'machine:1', tokenId: 't1', before: now },
  ]);
  const isVoid = (principal: string, issuedAt: number, via?: string): boolean =>
    revocations.covers({ principal, issuedAt, via });
  expect(isVoid('ann', now - 1)).toBe(true);
  expect(isVoid('ann', now - 1, 'other')).toBe(true);
  expect(isVoid('ann', now)).toBe(false);
  expect(isVoid('bob', now - 1)).toBe(false);
  expect(isVoid('machine:1', now - 1, 't1')).toBe(true);
  expect(isVoid('machine:1', now - 1, 't2')).toBe(false);
  expect(isVoid('machine:1', now - 1)).toBe(false);
});

test('what was taken back is known after a restart, and stays so where a manager no longer tells of it', async () => {
  await using folder = await temporaryFolder('revocations');
  const file = folder.file('r.json');
  const revocations = await Revocations.open(file, at(now), silent);
  await revocations.include([{ principal: 'ann', before: now }]);
  await revocations.include([{ principal: 'ann', before: now - 5 }]);
  await revocations.include([]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const again = await Revocations.open(file, at(now), silent);
  expect(again.covers({ principal: 'ann', issuedAt: now - 1 })).toBe(true);
});

test('what no ticket can be as old as is forgotten', async () => {
  await using folder = await temporaryFolder('revocations');
  const file = folder.file('r.json');
  await (await Revocations.open(file, at(now), silent)).include([{ principal: 'ann', before: now }]);
  const later = await Revocations.open(file, at(now + 2 * day), silent);
  await later.include([{ principal: 'bob', before: now + 2 * day }]);
  expect(later.size).toBe(1);
  expect(await readFile(file, 'utf8')).not.toContain('ann');
});

test('listeners hear of what is new, and of nothing else', async () => {
  await using folder = await temporaryFolder('revocations');
  const revocations = await Revocations.open(folder.file('r.json'), at(now), silent);
  let heard = 0;
  const watching = revocations.watch(() => heard++);
  const told = [{ principal: 'ann', before: now }];
  await revocations.include(told);
  await revocations.include(told);
  expect(heard).toBe(1);
  watching[Symbol.dispose]();
  await revocations.include([{ principal: 'bob', before: now }]);
  expect(heard).toBe(1);
});

test('a file that is damaged is no reason not to start, and a list that is none is refused', async () => {
  await using folder = await temporaryFolder('revocations');
  const file = folder.file('r.json');
  await writeFile(file, '[{"principal":');
  const revocations = await Revocations.open(file, at(now), silent);
  expect(revocations.size).toBe(0);
  for (const junk of [
    {},
    [{ principal: 'ann' }],
    [{ principal: '', before: now }],
    [{ principal: 'a', before: -1 }],
  ])
    await expect(revocations.include(junk)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await revocations.include([{ principal: '__proto__', before: now }]);
  expect(revocations.covers({ principal: '__proto__', issuedAt: 1 })).toBe(true);
  expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(1);
});
