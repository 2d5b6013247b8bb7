/**
 * Writes `tickRate` one-row transactions a second, evenly: node tick-writer.js HOST PORT USER TRANSACTIONS.
 * Sends its parent, as one message, when the COMMIT of each returned: ms of the monotonic clock, in the order of ids.
 */
import { createConnection } from 'mysql2/promise';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from './monotonic.js';
import { tickRate, ticksTable } from './ticks.js';

const [host = '', port = '', user = '', transactions = '0'] = process.argv.slice(2);
const committed = new Float64Array(Number(transactions));
const connection = await createConnection({ host, port: Number(port), user });
const begin = monotonicMs();
for (let id = 0; id < committed.length; id += 1) {
  while (monotonicMs() < begin + (id / tickRate) * 1000) await sleep(1);
  // With autocommit, the answer to the statement is the answer to COMMIT.
  await connection.execute(`INSERT INTO ${ticksTable} VALUES (?, 'a row of the bench')`, [id]);
  committed[id] = monotonicMs();
}
await connection.end();
process.send!(committed);
