import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Congo } from '@drc/client-sdk/congo';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCongoFile } from '../../cli/src/congo-file.js';
import { rowsOf } from '../client-sdk/congo/support/test-target.js';
import { startServer } from '../support/database-server.js';
import { startHub, until } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';

const fileOf = (name: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../examples/congo/two-data-centres/${name}`, import.meta.url)), 'utf8');

onEachServer('The example of two data centres', (flavour) => {
  it('has the same rows in both, of all that either wrote', async () => {
    await using berlin = await startServer(flavour);
    await using tokyo = await startServer(flavour);
    const sites = { berlin, tokyo };
    for (const server of Object.values(sites)) await server.query(await fileOf('source.sql'));
    await using hub = await startHub({
      source: berlin,
      topics: Object.keys(sites),
      stores: Object.entries(sites).map(([topic, { port }]) => ({
        topic,
        source: { host: '127.0.0.1', port },
      })),
    });
    const sdk = await hub.connect();
    const stop = new AbortController();
    const { tasks } = parseCongoFile(parse(await fileOf('congo.yaml')));
    const congos = tasks.map(({ task, topic, tables, ddl, origin, target }) => {
      // As the example names them, `tokyo.internal`.
      const { port } = sites[target.host.split('.')[0] as keyof typeof sites];
      return new Congo({
        hub: sdk,
        task,
        topic,
        tables,
        ddl,
        from: 'latest',
        origin: origin!,
        target: { host: '127.0.0.1', port, user: 'root', password: '' },
      });
    });
    const running = Promise.all(congos.map((congo) => congo.run(stop.signal)));
    const areProven = (): boolean => congos.every((congo) => congo.marks?.areSeen === true);
    const areReading = (): boolean =>
      congos.every(
        (congo) => congo.subscription?.checkpoint !== undefined && congo.status.kind === 'applying',
      );
    await Promise.race([running, until(() => areProven() && areReading(), 'both have begun')]);
    await berlin.query(await fileOf('berlin.sql'));
    await tokyo.query(await fileOf('tokyo.sql'));
    const all = [
      { id: 1, city: 'tokyo', total: '1.50' },
      { id: 4, city: 'berlin', total: '25.00' },
      { id: 5, city: 'tokyo', total: '2.50' },
    ];
    const areEqual = async (): Promise<boolean> => {
      const both = await Promise.all(
        Object.values(sites).map((server) => rowsOf(server, 'SELECT * FROM orders ORDER BY id')),
      );
      return both.every((rows) => JSON.stringify(rows) === JSON.stringify(all));
    };
    await Promise.race([running, until(areEqual, 'both have all')]);
    stop.abort();
    await running;
    expect(congos.map(({ counters }) => counters.rows.insert)).toEqual([2, 2]);
  });
});
