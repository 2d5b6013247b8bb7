import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '@drc/client-sdk';
import type mysql from 'mysql2/promise';
import type { Flavour } from './database-server.js';
import { startHub, type TestHub } from './hub.js';
import { Reading, type ReadTransaction } from './reading.js';
import type { SpecChange, SpecHub, SpecStatement, SpecStop, SpecTransaction } from './spec-hub.js';

const stopDeadlineMs = 30_000;
const create = 'CREATE DATABASE spec';
const end = 'CREATE DATABASE spec_end';
const drops = ['DROP DATABASE spec', 'DROP DATABASE spec_end'] as const;

/** One source, store, manager and reader for all specs on a server with these arguments. */
export async function startSpecHub(flavour: Flavour, args: readonly string[] = []): Promise<SpecHub> {
  const hub = await startHub({ flavour, server: { args } });
  try {
    const sdk = await hub.connect();
    const reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    // What stops capture is told at once, not when the reader has waited for too long.
    const stopped = hub.store.store.capture.ended.then((error) => {
      throw error ?? new Error('Capture was closed.');
    });
    stopped.catch(() => undefined);
    return {
      run: (statements) => Promise.race([run(hub, reading, statements), stopped]),
      runToStop: (statements) => runToStop(hub, reading, statements),
      [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
    };
  } catch (error) {
    await hub[Symbol.asyncDispose]();
    throw error;
  }
}

async function run(
  hub: TestHub,
  reading: Reading,
  statements: readonly SpecStatement[],
): Promise<readonly SpecTransaction[]> {
  const before = rowsStored(hub);
  await hub.source.query(create);
  await readTo(reading, create);
  const read: ReadTransaction[] = [];
  try {
    await runStatements(hub, statements);
  } finally {
    // Also after a failure: the next spec begins behind what this one has written.
    await hub.source.query(end);
    read.push(...(await readTo(reading, end)));
    // Only now: some types are learned from the tables themselves.
    for (const drop of drops) await hub.source.query(drop);
    await readTo(reading, drops[1]);
  }
  const transactions = read.slice(0, -1).map(specTransaction);
  expectConserved(hub);
  expectAllDelivered(before, rowsStored(hub), transactions);
  return transactions;
}

async function runToStop(
  hub: TestHub,
  reading: Reading,
  statements: readonly SpecStatement[],
): Promise<SpecStop> {
  const rowsBefore = rowsStored(hub);
  await hub.source.query(create);
  await readTo(reading, create);
  const before = hub.store.store.log.capture.executed.toString();
  await runStatements(hub, statements);
  const { capture, log } = hub.store.store;
  const error = await Promise.race([capture.ended, sleep(stopDeadlineMs, 'late' as const, { ref: false })]);
  if (error === 'late') throw new Error('Capture did not stop.');
  const executed = log.capture.executed.toString();
  // `server:1-7` has come to 7; MariaDB's GTIDs name the last one as they are.
  const last = executed.replace(/:.*?(\d+)$/, ':$1');
  const read = executed === before ? [] : await reading.until(last);
  const transactions = read.map(specTransaction);
  expectConserved(hub);
  expectAllDelivered(rowsBefore, rowsStored(hub), transactions);
  return { transactions, code: error?.code ?? 'CLOSED' };
}

/** All transactions up to the one that is this statement. The order of the binlog is all that it takes: no GTIDs. */
async function readTo(reading: Reading, statement: string): Promise<ReadTransaction[]> {
  const read: ReadTransaction[] = [];
  do read.push(await reading.take());
  while (!read.at(-1)!.changes.some((change) => change.kind === 'ddl' && change.ddl.text === statement));
  return read;
}

const specTransaction = ({ changes }: ReadTransaction): SpecTransaction => ({
  changes: changes.map(specChange),
});

async function runStatements(hub: TestHub, statements: readonly SpecStatement[]): Promise<void> {
  const sessions = new Map<string, mysql.Connection>();
  try {
    for (const { sql, session, fails } of statements) {
      const connection = sessions.get(session) ?? (await hub.source.connect({ database: 'spec' }));
      sessions.set(session, connection);
      const code = await errorCode(connection.query(sql));
      if (code !== fails)
        throw new Error(`Expected ${fails ?? 'success'}, got ${code ?? 'success'}: ${sql.slice(0, 300)}`);
    }
  } finally {
    for (const connection of sessions.values()) await connection.end();
  }
}

async function errorCode(result: Promise<unknown>): Promise<string | undefined> {
  try {
    await result;
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

function specChange(change: Change): SpecChange {
  switch (change.kind) {
    case 'snapshot':
      throw new Error('No spec asks for a snapshot.');
    case 'ddl': {
      const { verb, tables, text } = change.ddl;
      return { kind: 'ddl', ddl: { verb, tables, ...(text === undefined ? {} : { text }) } };
    }
    case 'sequence':
      return { kind: 'sequence', table: change.table, after: change.after };
    case 'insert': {
      const { kind, table, after, foreignKeyChecks, uniqueChecks } = change;
      return { kind, table, after, foreignKeyChecks, uniqueChecks };
    }
    case 'update': {
      const { kind, table, before, after, foreignKeyChecks, uniqueChecks } = change;
      return { kind, table, before, after, foreignKeyChecks, uniqueChecks };
    }
    case 'delete': {
      const { kind, table, before, foreignKeyChecks, uniqueChecks } = change;
      return { kind, table, before, foreignKeyChecks, uniqueChecks };
    }
  }
}

/** Read = stored + left out, for each type of events and each table. No transaction is open now, also where capture stopped. */
function expectConserved(hub: TestHub): void {
  const { events, tables } = hub.store.store.capture.counters.snapshot();
  for (const [name, { read, stored, leftOut }] of Object.entries({ ...events, ...tables })) {
    const left = Object.values(leftOut).reduce((sum, count) => sum + count, 0);
    if (stored + left !== read)
      throw new Error(`${name}: read ${read} is not stored ${stored} + left out ${left}.`);
  }
}

const rowsStored = (hub: TestHub): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(hub.store.store.capture.counters.snapshot().tables).map(([name, { stored }]) => [
      name,
      stored,
    ]),
  );

/** A row that was stored was delivered: once. */
function expectAllDelivered(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  transactions: readonly SpecTransaction[],
): void {
  const delivered = new Map<string, number>();
  for (const { changes } of transactions)
    for (const change of changes)
      if (change.kind !== 'ddl') delivered.set(change.table, (delivered.get(change.table) ?? 0) + 1);
  for (const table of new Set([...after.keys(), ...delivered.keys()])) {
    const stored = (after.get(table) ?? 0) - (before.get(table) ?? 0);
    const read = delivered.get(table) ?? 0;
    if (stored !== read) throw new Error(`${table}: ${stored} rows were stored, ${read} delivered.`);
  }
}
