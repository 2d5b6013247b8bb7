import { expect, test } from 'vitest';
import { isSameSavepoint, mayBeSameSavepoint } from '../../../store/src/source/savepoint-name.js';

test('names of savepoints are the same whatever their case', () => {
  expect(isSameSavepoint('Before', 'bEFORE')).toBe(true);
  expect(isSameSavepoint('É', 'é')).toBe(true);
  expect(isSameSavepoint('e', 'é')).toBe(false);
});

test.each([
  ['e', 'é', true],
  ['straße', 'strase', true],
  ['a1', 'A1', true],
  ['e', 'e ', false],
  ['aé', 'be', false],
  ['ab', 'ac', false],
])('a server may or cannot take %j and %j for the same', (one, other, may) => {
  expect([mayBeSameSavepoint(one, other), mayBeSameSavepoint(other, one)]).toEqual([may, may]);
});
