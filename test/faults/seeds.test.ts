import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { runFaults, type FaultRunResult } from './fault-run.js';

/*
 * What `npm run test:faults` runs (scripts/faults.mjs): `DRC_FAULT_SEEDS` first-last, `DRC_FAULT_SECONDS`, and, where results are to
 * be kept, `DRC_FAULT_RESULTS`: a JSON array with one line for each seed. A seed that held is not run again, one that failed is.
 */
const [first = 1, last = first] = (process.env['DRC_FAULT_SEEDS'] ?? '1').split('-').map(Number);
const seconds = Number(process.env['DRC_FAULT_SECONDS'] ?? 60);
const path = process.env['DRC_FAULT_RESULTS'];

type KeptResult = FaultRunResult & { readonly seconds: number };

let kept: KeptResult[] =
  path === undefined ? [] : (JSON.parse(await readFile(path, 'utf8').catch(() => '[]')) as KeptResult[]);
const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index);
const held = (seed: number): boolean =>
  kept.some((result) => result.seed === seed && result.faults.length === 0);

async function keep(result: KeptResult): Promise<void> {
  kept = [...kept.filter(({ seed }) => seed !== result.seed), result];
  if (path === undefined) return;
  const lines = kept.toSorted((one, other) => one.seed - other.seed).map((each) => JSON.stringify(each));
  await writeFile(path, `[\n${lines.join(',\n')}\n]\n`);
}

describe('a cluster under faults gives every reader everything, once and in order', () => {
  test.each(seeds.filter((seed) => !held(seed)))(
    'seed %i',
    async (seed) => {
      // Odd seeds have MariaDB as their source, even ones MySQL.
      const result = await runFaults({ seed, seconds, flavour: seed % 2 === 1 ? 'mariadb' : 'mysql' });
      console.info(JSON.stringify(result));
      await keep({ ...result, seconds });
      expect(result.faults).toEqual([]);
    },
    seconds * 1000 + 600_000,
  );

  test('every seed asked for has held, in this run or in one before', () => {
    expect(seeds.filter((seed) => !held(seed))).toEqual([]);
  });
});
