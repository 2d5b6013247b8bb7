import { Checkpoint } from '@drc/client-sdk';
import { expect, test } from 'vitest';
import type { DatabaseServer } from '../support/database-server.js';
import { startHub, until, type TestHub, type TestStore } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading, type ReadTransaction } from '../support/reading.js';

const arguments_ = {
  mariadb: [[]],
  mysql: [[], ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF']],
} as const;

/** Of every kind, in several files, with a large one among them. */
const statements = (first: number): string => `
  INSERT INTO shop.t VALUES (${first}, 'a'), (${first + 1}, 'b');
  BEGIN; UPDATE shop.t SET v = 'c' WHERE id = ${first}; DELETE FROM shop.t WHERE id = ${first + 1}; COMMIT;
  BEGIN; INSERT INTO shop.t VALUES (0, 'never'); ROLLBACK;
  FLUSH BINARY LOGS;
  ALTER TABLE shop.t ADD COLUMN c${first} INT;
  INSERT INTO shop.t (id, v) VALUES (${first + 2}, REPEAT('large', 200000));
  ALTER TABLE shop.t DROP COLUMN c${first}`;

onEachServer('two stores of one source', (flavour) => {
  test.each(arguments_[flavour].map((args) => ({ args })))(
    'give the same transactions in the same order, and take each other’s checkpoints; source with $args',
    async ({ args }) => {
      await using hub = await startHub({ flavour, server: { args }, stores: [{}, {}] });
      const [one, other] = hub.stores as [TestStore, TestStore];
      await hub.source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT)');
      await hub.source.query(statements(10));
      await atEnd(hub.source, one, other);
      // One that is away for a while, and goes on in another connection, gives the same.
      await other.stop();
      await hub.source.query(statements(20));
      await atEnd(hub.source, one);
      const wanted = await readAll(hub, one);
      await one.stop();
      await other.start();
      await atEnd(hub.source, other);
      const found = await readAll(hub, other);
      const plain = ({ checkpoint, ...rest }: ReadTransaction) => ({
        ...rest,
        set: Checkpoint.parse(checkpoint.toString()).set.toString(),
      });
      expect(found.map(plain)).toEqual(wanted.map(plain));
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);

      const sdk = await hub.connect();
      for (const at of [0, 3, wanted.length - 2]) {
        const from = { checkpoint: wanted[at]!.checkpoint.toString() };
        await using reading = new Reading(sdk.subscribe('shop', { from }));
        const rest = await reading.until(wanted.at(-1)!.id);
        expect(rest.map(plain)).toEqual(wanted.slice(at + 1).map(plain));
      }
    },
  );
});

/** Waits until the stores have all that the source has written. */
async function atEnd(source: DatabaseServer, ...stores: readonly TestStore[]): Promise<void> {
  const files = (await source.query('SHOW BINARY LOGS')) as {
    Log_name: string;
    File_size: string | number;
  }[];
  const { Log_name: file, File_size: size } = files.at(-1)!;
  for (const { store } of stores)
    await until(() => {
      const { position } = store.log.capture;
      return position?.file === file && position.offset === Number(size) && store.log.pendingBytes === 0;
    }, `The log does not reach ${file}:${size}.`);
}

async function readAll(hub: TestHub, { store }: TestStore): Promise<ReadTransaction[]> {
  const sdk = await hub.connect();
  await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  const read: ReadTransaction[] = [];
  while (read.length < store.log.head.value.lsn) read.push(await reading.take());
  return read;
}
