import { parseManagerConfig } from '@drc/cluster-manager';
import { isDrcError } from '@drc/protocol';
import { parseStoreConfig } from '@drc/store';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseCongoConfig } from '../../cli/src/congo-config.js';

const junk: readonly unknown[] = [null, true, 7, -1, 1e300, '', 'nothing', [], [null], [7], {}, { a: 1 }];

/** The value with one part of it, at any depth, replaced by each piece of junk. */
function* spoiled(value: unknown): Generator<unknown> {
  yield* junk;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value))
    for (const other of spoiled(item))
      yield Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other };
}

/** The first block of YAML in a document that begins with this line. */
async function documented(page: string, firstLine: string): Promise<unknown> {
  const text = await readFile(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  const [, block] = new RegExp(`\`\`\`yaml\\n(${firstLine}\\n[^]*?)\`\`\``).exec(text) ?? [];
  if (block === undefined) throw new Error(`${page} has no block that begins with ${firstLine}.`);
  return parse(block);
}

test.each([
  ['store', 'operations.md', '# store.yaml', (value: unknown) => parseStoreConfig(value)],
  ['manager', 'operations.md', '# cm.yaml', (value: unknown) => parseManagerConfig(value)],
  ['congo', 'congo.md', '# congo.yaml', (value: unknown) => parseCongoConfig(value)],
] as const)(
  'whatever stands in a configuration of the %s ends in its faults, or is taken',
  async (_, page, line, check) => {
    const whole = await documented(page, line);
    let refused = 0;
    for (const value of spoiled(whole)) {
      try {
        check(value);
      } catch (error) {
        if (!isDrcError(error, 'CONFIG_INVALID'))
          throw new Error(`With ${JSON.stringify(value)}`, { cause: error });
        expect(error.details['faults'] ?? [error.message]).not.toEqual([]);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
  },
);
