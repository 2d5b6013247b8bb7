import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alterations, difference, matches } from '../support/spec.js';
import type { SpecHub } from '../support/spec-hub.js';
import { parseSpec } from '../support/spec-parser.js';
import { startSpecHub } from '../support/start-spec-hub.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const specs = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .sort()
  .map((name) => ({ name, ...parseSpec(readFileSync(`${folder}/${name}`, 'utf8'), name) }));

test('there are specs, and each has something to expect', () => {
  expect(specs.length).toBeGreaterThanOrEqual(25);
  expect(specs.filter(({ expected }) => expected.length === 0)).toEqual([]);
});

describe('what a reader gets:', () => {
  let hub: SpecHub;
  beforeAll(async () => {
    hub = await startSpecHub();
  });
  afterAll(() => hub[Symbol.asyncDispose]());

  test.each(specs)('$title ($name)', async ({ statements, expected }) => {
    const actual = await hub.run(statements);
    expect.soft(difference(expected, actual)).toBeUndefined();
    // The check itself: an expectation that differs in one place, whichever it is, does not pass.
    for (const altered of alterations(expected)) expect(matches(altered, actual)).toBe(false);
  });
});
