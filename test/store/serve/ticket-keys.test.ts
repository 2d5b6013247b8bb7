import { readFile, stat, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { TicketKeys } from '../../../store/src/serve/ticket-keys.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { Signer, silent } from './store-harness.js';

const one = new Signer();
const other = new Signer();

test('keys that were announced once are known after a restart without a manager', async () => {
  await using folder = await temporaryFolder('keys');
  const file = folder.file('keys.json');
  const keys = await TicketKeys.open(file, undefined, silent);
  expect(keys.cluster).toBeUndefined();
  await keys.replace({ cluster: 'main', keys: [one.jwk] });
  const again = await TicketKeys.open(file, undefined, silent);
  expect(again.cluster).toBe('main');
  expect(again.get(one.kid)?.asymmetricKeyType).toBe('ec');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a key that is announced no longer is gone, and two can be good at a time', async () => {
  await using folder = await temporaryFolder('keys');
  const keys = await TicketKeys.open(folder.file('keys.json'), 'main', silent);
  await keys.replace({ cluster: 'main', keys: [one.jwk, other.jwk] });
  expect([keys.get(one.kid), keys.get(other.kid)].every(Boolean)).toBe(true);
  await keys.replace({ cluster: 'main', keys: [other.jwk] });
  expect(keys.get(one.kid)).toBeUndefined();
});

test.each([
  ['another cluster’s keys', { cluster: 'other', keys: [one.jwk] }],
  ['no keys', { cluster: 'main', keys: [] }],
  ['a private key', { cluster: 'main', keys: [{ ...one.privateKey.export({ format: 'jwk' }), kid: 'p' }] }],
  ['a symmetric key', { cluster: 'main', keys: [{ kty: 'oct', k: 'AAAA', kid: 's' }] }],
  ['a point off the curve', { cluster: 'main', keys: [{ ...one.jwk, x: 'AAAA' }] }],
])('%s are refused, and the known ones stay', async (_, announced) => {
  await using folder = await temporaryFolder('keys');
  const keys = await TicketKeys.open(folder.file('keys.json'), 'main', silent);
  await keys.replace({ cluster: 'main', keys: [other.jwk] });
  await expect(keys.replace(announced)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(keys.get(other.kid)).toBeDefined();
  expect(await readFile(folder.file('keys.json'), 'utf8')).toContain(other.kid);
});

test('a damaged file is no reason not to start; the next announcement replaces it', async () => {
  await using folder = await temporaryFolder('keys');
  const file = folder.file('keys.json');
  await writeFile(file, '{"cluster":"main","ke');
  const keys = await TicketKeys.open(file, 'main', silent);
  expect(keys.size).toBe(0);
  await keys.replace({ cluster: 'main', keys: [one.jwk] });
  expect((await TicketKeys.open(file, 'main', silent)).size).toBe(1);
});
