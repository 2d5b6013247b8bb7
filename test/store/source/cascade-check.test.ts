import pino from 'pino';
import { expect, it } from 'vitest';
import { startMariadb } from '../../support/mariadb.js';
import { CaptureRig, lastId } from './capture-rig.js';

it('Capture warns once of the captured tables that foreign keys change', async () => {
  await using server = await startMariadb();
  await server.query(
    `CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE shop.buyers (id INT PRIMARY KEY);
     CREATE TABLE shop.orders (buyer INT, FOREIGN KEY (buyer) REFERENCES shop.buyers (id) ON DELETE CASCADE);
     CREATE TABLE shop.notes (buyer INT, FOREIGN KEY (buyer) REFERENCES shop.buyers (id) ON UPDATE SET NULL);
     CREATE TABLE shop.strict (buyer INT, FOREIGN KEY (buyer) REFERENCES shop.buyers (id));
     CREATE TABLE other.orders (buyer INT, FOREIGN KEY (buyer) REFERENCES shop.buyers (id) ON DELETE CASCADE)`,
  );
  const warnings: Record<string, unknown>[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(JSON.parse(line) as never) });
  const { host, port, user, password } = server;
  await using rig = await CaptureRig.start({
    source: { host, port, user, password },
    filter: { exclude: ['other.*'] },
    logger,
  });
  await rig.reaches(await lastId(server));
  await server.restart();
  await server.query('INSERT INTO shop.buyers VALUES (1)');
  await rig.reaches(await lastId(server));
  expect(warnings.filter(({ tables }) => tables !== undefined)).toEqual([
    expect.objectContaining({ tables: ['shop.notes', 'shop.orders'] }),
  ]);
});
