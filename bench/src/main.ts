import { apply } from './apply.js';
import { capture } from './capture.js';
import { fanout } from './fanout.js';
import { filter } from './filter.js';
import { largeTransaction } from './large-transaction.js';
import { latency } from './latency.js';
import { replay } from './replay.js';
import { seek } from './seek.js';

interface Bench {
  /** What its size is counted in: the name of its option. */
  readonly unit: 'rows' | 'bytes' | 'seconds';
  readonly size: number;
  /** Builds its own data on servers of its own and prints a table; what it returns is the last line, as JSON. */
  readonly run: (size: number) => Promise<object>;
}

const benches: Readonly<Record<string, Bench>> = {
  capture: { unit: 'rows', size: 1_000_000, run: capture },
  replay: { unit: 'rows', size: 1_000_000, run: replay },
  filter: { unit: 'rows', size: 4_000_000, run: filter },
  seek: { unit: 'rows', size: 50_000_000, run: seek },
  fanout: { unit: 'seconds', size: 20, run: fanout },
  latency: { unit: 'seconds', size: 30, run: latency },
  apply: { unit: 'rows', size: 400_000, run: apply },
  'large-transaction': { unit: 'bytes', size: 5_000_000_000, run: largeTransaction },
};

const [name = '', option] = process.argv.slice(2);
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
const size =
  option === undefined ? bench?.size : new RegExp(`^--${bench?.unit}=([1-9]\\d*)$`).exec(option)?.[1];
if (bench === undefined || size === undefined) {
  const usages = Object.entries(benches).map(
    ([each, { unit, size: usual }]) => `${each} [--${unit}=${usual}]`,
  );
  console.error(`Usage: npm run bench -- ${usages.join(' | ')}`);
  process.exitCode = 2;
} else {
  console.log(JSON.stringify(await bench.run(Number(size))));
}
