import { expect, it } from 'vitest';
import { startServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { expectConserved } from './capture-rig.js';
import { killedCapture } from './killed-capture.js';

/** How often a recursive query may recur. */
const depth = { mariadb: 'max_recursive_iterations', mysql: 'cte_max_recursion_depth' } as const;

onEachServer('Capture that is killed', (flavour) => {
  it('goes on at the exact next transaction, wherever it was killed', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('crash');
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(100))');
    const expected: number[] = [];
    const write = async (): Promise<void> => {
      const first = expected.length;
      for (let id = first; id < first + 40; id++) expected.push(id);
      for (let id = first; id < first + 39; id++)
        await server.query(`INSERT INTO shop.t VALUES (${id}, 'a')`);
      // Several chunks, so that some are on disk before the transaction's end.
      await server.query(
        `SET SESSION ${depth[flavour]} = 100000; INSERT INTO shop.t
         WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)
         SELECT IF(n = 1, ${first + 39}, -n - ${first} * 100000), REPEAT('x', 80) FROM s`,
      );
    };
    const points = [
      ['group-begin', 1],
      ['group-begin', 17],
      ['chunk', 1],
      ['chunk', 4],
      ['group-end', 1],
      ['group-end', 33],
      ['flushed', 1],
      ['flushed', 2],
    ] as const;
    const { rig: captured, transactions } = await killedCapture(server, folder, points, write);
    await using rig = captured;
    const ids = transactions.flatMap(({ changes }) =>
      changes.flatMap((change) => (change.kind === 'insert' ? [Number(change.after['id'])] : [])),
    );
    expect(ids.filter((id) => id >= 0)).toEqual(expected);
    expect(ids.length).toBe(points.length * 20_039);
    expectConserved(rig);
  });
});
