import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';
import { rounds } from '../../support/rounds.js';
import { binlogOf, decodeBinlog, type DecodedRows } from './binlog-rows.js';
import { Random, randomTable } from './random-tables.js';
import { connectPlainly, plainRow, selectRows, type Plain } from './server-rows.js';

/*
 * More of it:    DRC_RANDOM_TABLES=2000 npx vitest run test/store/source/row-transcoder-random.test.ts
 * One again:     DRC_SEED=… npx vitest run test/store/source/row-transcoder-random.test.ts
 */
const givenSeed = process.env['DRC_SEED'];
const firstSeed = givenSeed === undefined ? Math.floor(Math.random() * 1e9) : Number(givenSeed);
const tables = givenSeed === undefined ? Number(process.env['DRC_RANDOM_TABLES'] ?? rounds(20, 120)) : 1;

const imagesOf = (events: readonly DecodedRows[], kind: DecodedRows['kind']): Plain[][] =>
  events
    .filter((event) => event.kind === kind)
    .flatMap(({ version, images }) => images.map((image) => plainRow(version, image)));
const byId = (rows: readonly Plain[][]): Plain[][] => rows.toSorted((a, b) => Number(a[0]) - Number(b[0]));

onEachServer('Random tables with random rows', (flavour) => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startServer(flavour);
    await server.query('CREATE DATABASE r');
  });
  afterAll(async () => {
    await server?.stop();
  });

  it.each(Array.from({ length: tables }, (_, index) => firstSeed + index))(
    'read as SELECT shows them, before and after updates and deletes (DRC_SEED=%i replays it)',
    async (seed) => {
      const random = new Random(seed);
      const name = `r.t${seed}`;
      const table = randomTable(random, name, random.integer(0, random.one([10, 60, 200])), flavour);
      const options = () => ({ flavour, learned: table.learned });
      const rows = random.integer(1, 20);
      const connection = await connectPlainly(server);
      const snapshots: Plain[][][] = [];
      try {
        await connection.query(table.create);
        const inserts = await binlogOf(server, () =>
          connection.query(
            `INSERT INTO ${name} VALUES ${Array.from({ length: rows }, (_, id) => table.row(id)).join(', ')}`,
          ),
        );
        const inserted = decodeBinlog(inserts, options);
        const { version } = inserted[0]!;
        snapshots.push(await selectRows(connection, version));
        const changes = await binlogOf(server, async () => {
          for (let id = 0; id < rows; id++) {
            const assignments = table.assignments();
            if (assignments !== '')
              await connection.query(`UPDATE ${name} SET ${assignments} WHERE id = ${id}`);
          }
          snapshots.push(await selectRows(connection, version));
          await connection.query(`DELETE FROM ${name}`);
        });
        const changed = decodeBinlog(changes, options);

        expect(byId(imagesOf(inserted, 'insert'))).toEqual(snapshots[0]);
        expect(byId(imagesOf(changed, 'delete'))).toEqual(snapshots[1]);
        const updates = imagesOf(changed, 'update');
        for (let at = 0; at < updates.length; at += 2) {
          const id = Number(updates[at]![0]);
          expect(updates[at]).toEqual(snapshots[0]![id]);
          expect(updates[at + 1]).toEqual(snapshots[1]![id]);
        }
        await connection.query(`DROP TABLE ${name}`);
      } finally {
        await connection.end();
      }
    },
  );
});
