import { ImageDecoder } from '@drc/protocol';
import type mysql from 'mysql2/promise';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SnapshotChunk } from '../../../store/src/snapshot/snapshot-chunk.js';
import { ownedGtids } from '../../../store/src/snapshot/snapshot-moment.js';
import { DatabaseSnapshots } from '../../../store/src/snapshot/snapshot-source.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { CaptureRig, type StoredTransaction } from '../source/capture-rig.js';
import { plain } from '../source/shared-source.js';

const writers = 8;
/** Rows that are there from the beginning to the end, with even ids; between them others come, move and go. */
const lasting = 40;
/** How often the table is read in several chunks. */
const copies = 8;
/** And how often in one. A moment that is wrong shows in one of five on MariaDB, and on MySQL, by the end of a group's commit, in one of a hundred. */
const looks = { mariadb: 20, mysql: 60 } as const;
/** On a slow machine there are fewer; what was read is judged by the whole log. */
const longestMs = 10_000;

/** Counts lasting rows up, and moves passing rows behind and ahead of whoever reads. */
async function write(connection: mysql.Connection, writer: number, signal: AbortSignal): Promise<void> {
  const passing = (turn: number): number => 2 * (((turn * 5) % lasting) * writers + writer) + 1;
  const run = async (sql: string): Promise<void> => {
    await connection.query(sql).catch((error: unknown) => {
      if ((error as { code?: string }).code !== 'ER_LOCK_DEADLOCK') throw error;
    });
  };
  for (let turn = 0; !signal.aborted; turn++) {
    await run(`UPDATE s.t SET v = v + 1 WHERE id = ${2 * ((writer * 7 + turn * 3) % lasting)}`);
    if (turn % 4 === 1) await run(`REPLACE INTO s.t VALUES (${passing(turn)}, ${turn})`);
    if (turn % 8 === 2)
      await run(`UPDATE IGNORE s.t SET id = ${passing(turn)} WHERE id = ${passing(turn - 1)}`);
    if (turn % 8 === 6) await run(`DELETE FROM s.t WHERE id = ${passing(turn - 1)}`);
  }
}

/** By the id of a lasting row which transactions made each of its values. */
function makersOf(transactions: readonly StoredTransaction[]): ReadonlyMap<number, readonly string[]> {
  const makers = new Map<number, string[]>();
  for (const { id, changes } of transactions)
    for (const change of changes) {
      if (!('after' in change) || Number(change.after['id']) % 2 !== 0) continue;
      const made = makers.get(Number(change.after['id'])) ?? [];
      made[Number(change.after['v'])] = id;
      makers.set(Number(change.after['id']), made);
    }
  return makers;
}

onEachServer('The window of a chunk', (flavour) => {
  let server: DatabaseServer;
  let rig: CaptureRig;
  let snapshots: DatabaseSnapshots;

  beforeEach(async () => {
    server = await startServer(flavour);
    rig = await CaptureRig.start({ source: plain(server), start: { kind: 'now' } });
    await rig.until(() => rig.capture.state.kind === 'streaming');
    // Each chunk at a moment of its own.
    snapshots = new DatabaseSnapshots({
      source: () => plain(server),
      filter: new TableFilter(),
      momentMs: 0,
    });
  });

  afterEach(async () => {
    await snapshots?.[Symbol.asyncDispose]();
    await rig?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it('holds while eight writers commit: no row is older than its beginning or newer than its end, and each that lasts is read', async () => {
    const rows = Array.from({ length: lasting }, (_, index) => `(${index * 2}, 0)`);
    await server.query(
      `CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO s.t VALUES ${rows.join(', ')}`,
    );
    const end = new AbortController();
    const connections = await Promise.all(Array.from({ length: writers }, () => server.connect()));
    const writing = Promise.all(
      connections.map((connection, writer) => write(connection, writer, end.signal)),
    );
    const { signal } = new AbortController();
    const read: SnapshotChunk[][] = [];
    try {
      await using reader = await snapshots.open({ schema: 's', table: 't' }, signal);
      const until = performance.now() + longestMs;
      for (let copy = 0; copy < copies + looks[flavour] && performance.now() < until; copy++) {
        const chunks: SnapshotChunk[] = [];
        const rows = copy < copies ? 9 : 10_000;
        do chunks.push(await reader.read(chunks.at(-1)?.lastKey, { rows, bytes: 1024 * 1024 }, signal));
        while (!chunks.at(-1)!.done);
        read.push(chunks);
      }
    } finally {
      end.abort();
      await writing;
      await Promise.all(connections.map((connection) => connection.end()));
    }
    await rig.reaches(await newestId(server));
    const makers = makersOf(await rig.transactions());

    for (const chunks of read) {
      const seen = new Set<number>();
      for (const { version, images, low, high } of chunks)
        for (const { row } of images.map((image) => new ImageDecoder(version).decodeOne(image, 0))) {
          const [id, v] = [Number(row['id']), Number(row['v'])];
          const made = makers.get(id);
          if (made === undefined) continue;
          seen.add(id);
          const isNewer = !high.covers(made[v]!);
          const isOlder = made[v + 1] !== undefined && low.covers(made[v + 1]!);
          expect({ id, v, isNewer, isOlder }).toEqual({ id, v, isNewer: false, isOlder: false });
        }
      expect(seen.size).toBe(lasting);
    }
  });

  it('has no transaction that is not in the source, and all that were', async () => {
    await server.query('CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY)');
    const { signal } = new AbortController();
    await using reader = await snapshots.open({ schema: 's', table: 't' }, signal);
    const before = await reader.read(undefined, { rows: 10, bytes: 1000 }, signal);
    expect(before.images).toEqual([]);
    expect(before.done).toBe(true);
    await server.query('INSERT INTO s.t VALUES (1)');
    const id = await newestId(server);
    expect(before.high.covers(id)).toBe(false);
    await using another = await snapshots.open({ schema: 's', table: 't' }, signal);
    const after = await another.read(undefined, { rows: 10, bytes: 1000 }, signal);
    expect(after.images).toHaveLength(1);
    expect(after.low.covers(id)).toBe(true);
    expect(after.high.toString()).toBe(after.low.toString());
    await rig.reaches(id);
    expect(rig.log.capture.executed.toString()).toContain(after.high.toString());
  });
});

it('gtid_owned is read GTID by GTID, tags included', () => {
  const one = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
  const other = '4e11fa47-71ca-11e1-9e33-c80aa9429562';
  expect(ownedGtids('')).toEqual([]);
  expect(ownedGtids(`${one}:23#45`)).toEqual([`${one}:23`]);
  expect(ownedGtids(`${one}:23#45:24#46:tag:1#47,\n${other}:7#8`)).toEqual([
    `${one}:23`,
    `${one}:24`,
    `${one}:tag:1`,
    `${other}:7`,
  ]);
});
