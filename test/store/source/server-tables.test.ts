import { expect, it } from 'vitest';
import { isServerTable } from '../../../store/src/source/server-tables.js';
import { startServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

it('knows those of hosted servers, and none that somebody has put there', () => {
  for (const name of ['rds_heartbeat2', 'rds_configuration', 'heartbeat', 'ha_health_check', 'USER'])
    expect(isServerTable(`mysql.${name}`), name).toBe(true);
  for (const name of ['mysql.v', 'mysql.orders', 'shop.user', 'mysql.', 'mysql.my_heartbeat'])
    expect(isServerTable(name), name).toBe(false);
});

onEachServer('The server’s own tables', (flavour) => {
  it('are all known', async () => {
    await using server = await startServer(flavour);
    const rows = (await server.query(
      "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql' AND TABLE_TYPE = 'BASE TABLE'",
    )) as { name: string }[];
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.map(({ name }) => name).filter((name) => !isServerTable(`mysql.${name}`))).toEqual([]);
  });
});
