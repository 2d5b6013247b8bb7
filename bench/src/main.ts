import { capture } from './capture.js';
import { replay } from './replay.js';

/** Each builds its own data on a server of its own and prints a table, then one line of JSON. */
const benches: Readonly<Record<string, (rows: number) => Promise<object>>> = { capture, replay };

const [name = '', ...rest] = process.argv.slice(2);
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
const rows = Number(/^--rows=(\d+)$/.exec(rest[0] ?? '')?.[1] ?? 1_000_000);
if (bench === undefined) {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join('|')} [--rows=1000000]`);
  process.exitCode = 2;
} else {
  console.log(JSON.stringify(await bench(rows)));
}
