import { join } from 'node:path';
import { temporaryFolder } from '@drc/local-servers';
import { BenchChild } from './bench-child.js';
import { BenchHub } from './bench-hub.js';
import { buildFilterLog, endTable, filterTables } from './filter-log.js';
import { median } from './median.js';
import { seekSource } from './seek-log.js';

const rounds = 3;
const everywhere = 'bench.t*';

/** What the reader asks for, and which share of the rows it then gets. */
const wishes = {
  none: { options: {}, share: 1 },
  table: { options: { tables: ['bench.t3', endTable] }, share: 1 / filterTables },
  condition: { options: { where: { [everywhere]: 'share = 7' } }, share: 1 / 100 },
  projection: { options: { columns: { [everywhere]: ['id', 'share'] } }, share: 1 },
} as const;

type Wish = keyof typeof wishes;

/** The last line of the bench: rows of the log that were passed, sent or not, a second. */
export interface FilterFigures {
  readonly bench: 'filter';
  readonly none: number;
  readonly table: number;
  readonly condition: number;
  readonly projection: number;
  /**
   * Rows of the log that were passed a second with the table filter, against none: rows of all tables are equally large, so it is
   * that of bytes too. Of the bytes delivered it would be a tenth at best, since the other nine tables are read to be left out.
   */
  readonly tableVsNone: number;
}

/** A log of ten tables read through the SDK under different filters, in turn in one run; medians of three. */
export async function filter(rows: number): Promise<FilterFigures> {
  await using folder = await temporaryFolder('bench');
  console.log(`Appending ${rows} rows …`);
  await buildFilterLog(join(folder.path, 'store'), rows);
  // Nobody is captured from: the log has all that is read.
  const server = { host: '127.0.0.1', port: 9, user: 'nobody', password: '' };
  await using hub = await BenchHub.start(
    server,
    folder.path,
    seekSource.file,
    'Announced to the cluster manager',
  );
  const rates: Record<Wish, number[]> = { none: [], table: [], condition: [], projection: [] };
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, { options, share }] of Object.entries(wishes)) {
      await using reader = new BenchChild('filter-reader', [hub.url, JSON.stringify(options)], {
        DRC_MACHINE_KEY: hub.clientKey,
      });
      const result = await reader.message<{ seconds: number; rows: number }>();
      if (Math.abs(result.rows - rows * share) > rows / 1000)
        throw new Error(`${name} gave ${result.rows} of ${rows} rows.`);
      rates[name as Wish].push(rows / result.seconds);
      console.log(
        `round ${round}   ${name.padEnd(10)} ${Math.round(rows / result.seconds / 1000)} k rows/s passed   ` +
          `${Math.round(result.rows / result.seconds / 1000)} k rows/s delivered`,
      );
    }
  }
  const rate = (name: Wish): number => Math.round(median(rates[name]));
  return {
    bench: 'filter',
    none: rate('none'),
    table: rate('table'),
    condition: rate('condition'),
    projection: rate('projection'),
    tableVsNone: Math.round((rate('table') / rate('none')) * 100) / 100,
  };
}
