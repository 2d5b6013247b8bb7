/*
 * The table of the benches of lag: one row is one transaction, its id is when it was written. What was written before the
 * count began has ids below 0.
 */
export const ticksTable = 'bench.ticks';
export const createTicks = `CREATE TABLE ${ticksTable} (id INT NOT NULL PRIMARY KEY, note VARCHAR(64) NOT NULL)`;

/** Transactions a second. */
export const tickRate = 1000;
