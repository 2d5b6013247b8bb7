import { SnapshotProgress, TransactionSet, PartKind, type TableVersion } from '@drc/protocol';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { SnapshotChunk, TableReader } from '../../../store/src/snapshot/snapshot-chunk.js';
import { SnapshotCopy, type SnapshotPiece } from '../../../store/src/table-copy/snapshot-copy.js';
import type { SnapshotPlace } from '../../../store/src/table-copy/snapshots.js';
import { ddlPart, rowsPart } from '../serve/fake-log.js';
import { silent } from '../serve/store-harness.js';

const orders: TableVersion = {
  schema: 'shop',
  table: 'orders',
  columns: [
    { name: 'id', type: 'int', nullable: false, length: 4 },
    { name: 'n', type: 'int', nullable: false, length: 4 },
  ],
  primaryKey: [0],
};
const image = (id: number, n: number): Buffer => Buffer.of(0x40, id, n);
const keyOf = (id: number): string => String.fromCharCode(id);
const set = (sequence: number): TransactionSet => TransactionSet.parse(`0-1-${sequence}`);

interface Read {
  readonly rows: readonly (readonly [id: number, n: number])[];
  readonly low: number;
  readonly high?: number;
  readonly done?: boolean;
}

/** A stream that has come to `at`, and a source whose chunks are given by the test. */
class Rig {
  at = 1;
  readonly asked: (Buffer | undefined)[] = [];
  readonly #stop = new AbortController();
  readonly copy: SnapshotCopy;
  readonly #reads: (Read | Error)[];

  constructor(reads: readonly (Read | Error)[], progress?: SnapshotProgress, tables = ['shop.orders']) {
    this.#reads = [...reads];
    const reader: TableReader = {
      version: orders,
      keyColumns: [0],
      estimatedRows: 9,
      read: async (after) => {
        this.asked.push(after);
        const read = this.#reads.shift();
        if (read === undefined) return await new Promise<never>(() => undefined);
        if (read instanceof Error) throw read;
        return chunkOf(read);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const place: SnapshotPlace = {
      tables: () => Promise.resolve(tables),
      open: () => Promise.resolve(reader),
      took: () => Promise.resolve(),
      [Symbol.dispose]: () => undefined,
    };
    this.copy = new SnapshotCopy({
      place: () => Promise.resolve(place),
      progress,
      plan: (there) => there.filter((table) => progress?.of(table) === undefined),
      executed: () => set(this.at),
      roused: () => undefined,
      logger: silent,
      now: () => 1,
      signal: this.#stop.signal,
    });
  }

  /** A transaction passes the stream. */
  pass(sequence: number, ...parts: readonly Buffer[]): void {
    this.#pass(sequence, parts, true);
  }

  /** One that the reader left out by its origin. */
  passUnsent(sequence: number, ...parts: readonly Buffer[]): void {
    this.#pass(sequence, parts, false);
  }

  #pass(sequence: number, parts: readonly Buffer[], isSent: boolean): void {
    this.at = sequence;
    const chunk = { id: `0-1-${sequence}`, bytes: Buffer.concat(parts), partsAt: 0, last: true };
    this.copy.pass(chunk, () => orders, isSent);
  }

  /** What goes out now, as text. */
  async taken(): Promise<string[]> {
    const pieces: string[] = [];
    for (let quiet = 0; quiet < 5; quiet += 1) {
      await turn();
      for (let piece = this.copy.take(); piece !== undefined; piece = this.copy.take())
        pieces.push(shown(piece));
    }
    return pieces;
  }
}

const chunkOf = ({ rows, low, high = low, done = false }: Read): SnapshotChunk => ({
  version: orders,
  images: rows.map(([id, n]) => image(id, n)),
  keys: rows.map(([id]) => keyOf(id)),
  low: set(low),
  high: set(high),
  lastKey: Buffer.of(rows.at(-1)?.[0] ?? 0),
  done,
});

const shown = (piece: SnapshotPiece): string =>
  piece.kind === 'plan'
    ? `plan ${piece.tables.join(' ')}`
    : `${piece.images.map((bytes) => `${bytes[1]}:${bytes[2]}`).join(' ')} of ${piece.rows}${piece.done ? ' done' : ''}`;

const insert = (id: number, n: number): Buffer => rowsPart(PartKind.insert, orders, 1, image(id, n));
const update = (id: number, was: number, is: number, to = id): Buffer =>
  rowsPart(PartKind.update, orders, 1, Buffer.concat([image(id, was), image(to, is)]));
const alter = ddlPart({
  verb: 'ALTER TABLE',
  tables: ['shop.orders'],
  defaultSchema: 'shop',
  sqlMode: 0,
  charset: [45, 45, 45],
  timeZone: '',
});

test('a chunk goes out when the stream has come to its moment, and not before', async () => {
  const rig = new Rig([{ rows: [[1, 1]], low: 3, done: true }]);
  expect(await rig.taken()).toEqual(['plan shop.orders']);
  rig.pass(2, insert(9, 9));
  expect(await rig.taken()).toEqual([]);
  rig.pass(3, insert(8, 8));
  expect(await rig.taken()).toEqual(['1:1 of 1 done']);
  expect(rig.copy.isOver).toBe(true);
});

test('rows that came as changes behind the moment are left out, under both keys of an update', async () => {
  const rig = new Rig([
    {
      rows: [
        [1, 1],
        [2, 2],
        [3, 3],
        [4, 4],
      ],
      low: 1,
      high: 3,
      done: true,
    },
  ]);
  await rig.taken();
  rig.pass(2, update(2, 2, 5), insert(7, 7));
  rig.pass(3, update(3, 3, 3, 4));
  expect(await rig.taken()).toEqual(['1:1 of 4 done']);
});

test('changes that the moment has are in its rows', async () => {
  const rig = new Rig([
    {
      rows: [
        [1, 1],
        [2, 5],
      ],
      low: 2,
      high: 3,
      done: true,
    },
  ]);
  await rig.taken();
  rig.pass(2, update(2, 2, 5));
  rig.pass(3, update(1, 1, 6));
  expect(await rig.taken()).toEqual(['2:5 of 2 done']);
});

test('a moment from before the copy began to look is read again', async () => {
  const rig = new Rig([
    { rows: [[1, 0]], low: 0 },
    { rows: [[1, 1]], low: 1, done: true },
  ]);
  expect(await rig.taken()).toEqual(['plan shop.orders']);
  await expect.poll(() => rig.taken(), { timeout: 30_000 }).toEqual(['1:1 of 1 done']);
  expect(rig.asked).toEqual([undefined, undefined]);
});

test('a statement on the table, and an image without all columns, make the chunk be read again', async () => {
  const partial = Buffer.from(insert(2, 2));
  partial[1] = 4;
  for (const part of [alter, partial]) {
    const rig = new Rig([
      { rows: [[1, 1]], low: 1, high: 2 },
      { rows: [[1, 2]], low: 2, done: true },
    ]);
    await rig.taken();
    rig.pass(2, part);
    expect(await rig.taken()).toEqual(['1:2 of 1 done']);
  }
});

test('rows that were changed by what the reader does not get are read again, others are not', async () => {
  const rig = new Rig([
    { rows: [[1, 1]], low: 1, high: 2 },
    {
      rows: [
        [2, 2],
        [3, 3],
      ],
      low: 2,
      high: 3,
    },
    { rows: [[2, 9]], low: 3, done: true },
  ]);
  await rig.taken();
  rig.passUnsent(2, update(7, 7, 8));
  expect(await rig.taken()).toEqual(['1:1 of 1']);
  rig.passUnsent(3, update(2, 2, 9));
  expect(await rig.taken()).toEqual(['2:9 of 2 done']);
});

test('a transaction in whose middle the copy begins to look may have changed any row', async () => {
  const rig = new Rig([
    { rows: [[1, 1]], low: 1, high: 2 },
    { rows: [[1, 2]], low: 2, done: true },
  ]);
  rig.copy.pass({ id: '0-1-2', bytes: update(1, 1, 2), partsAt: 0, last: false }, () => orders);
  expect(await rig.taken()).toEqual(['plan shop.orders']);
  rig.pass(2, update(7, 7, 8));
  expect(await rig.taken()).toEqual(['1:2 of 1 done']);
});

test('the copy goes on behind the place of the checkpoint, and copies no table twice', async () => {
  const progress = new SnapshotProgress([
    ['shop.done', 'done'],
    ['shop.orders', { key: Buffer.of(7).toString('base64url'), rows: 70 }],
  ]);
  const rig = new Rig([{ rows: [[8, 8]], low: 1, done: true }], progress);
  expect(await rig.taken()).toEqual(['8:8 of 71 done']);
  expect(rig.asked).toEqual([Buffer.of(7)]);
});

test('what cannot be retried ends the stream', async () => {
  const rig = new Rig([new Error('broken')]);
  await expect(rig.taken()).rejects.toThrow('broken');
});
