import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import type { Change } from '@drc/client-sdk';
import { changeAsJson } from '../../cli/src/change-text.js';
import { startHub, type TestHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

const program = fileURLToPath(new URL('../../examples/python/reader.py', import.meta.url));
const deadlineMs = 60_000;
const python = spawnSync('python3', ['--version']);
if (python.error !== undefined && (process.env['DRC_REQUIRE_PYTHON'] ?? '') !== '') throw python.error;
const note = python.error === undefined ? '' : ' (skipped: Python is not installed)';

/** The first lines that the program prints; it is ended then. */
async function linesOf(hub: TestHub, args: readonly string[], count: number): Promise<unknown[]> {
  const env = { ...process.env, DRC_MACHINE_KEY: hub.clientKey };
  const child = spawn('python3', [program, hub.managerUrl, 'shop', ...args], { env });
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  const lines: unknown[] = [];
  try {
    for await (const line of createInterface(child.stdout)) {
      lines.push(JSON.parse(line));
      if (lines.length === count) return lines;
    }
    throw new Error(`It ended after ${lines.length} lines: ${complaints}`);
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

/** As the program prints it. */
function printed(id: string, change: Change): unknown {
  const shown = { id, commitTime: new Date(0) } as Parameters<typeof changeAsJson>[1];
  const {
    topic: _,
    commitTime: __,
    ...line
  } = JSON.parse(changeAsJson('shop', shown, change)) as Record<string, unknown>;
  return line;
}

const types = {
  mariadb: "u UUID, i INET6, s SET('a', 'größe')",
  mysql: 'g POINT SRID 4326, j JSON, y YEAR',
} as const;
const values = {
  mariadb: "UUID(), '2001:db8::1', 'a,größe'",
  mysql: `ST_GeomFromText('POINT(1 2)', 4326), '{"a": [1, 2.50, null]}', 1999`,
} as const;

onEachServer('The reader in Python', (flavour) => {
  it.skipIf(note !== '')(
    `is shorter than 200 lines, prints what the SDK gives, and goes on where it was${note}`,
    async () => {
      expect((await readFile(program, 'utf8')).split('\n').length).toBeLessThan(200);
      await using hub = await startHub({ flavour });
      await hub.source.query(`
      CREATE DATABASE shop;
      CREATE TABLE shop.t (id BIGINT UNSIGNED PRIMARY KEY, n INT, d DECIMAL(30,10), f FLOAT, x DOUBLE, v VARCHAR(100), b VARBINARY(10),
        e DATETIME(6), z BIT(9), ${types[flavour]});
      INSERT INTO shop.t VALUES (18446744073709551615, -5, -12345678901234567890.5, 1.5, 2.25, 'größe 😀', 0x00ff,
        '2026-01-02 03:04:05.678901', 257, ${values[flavour]});
      INSERT INTO shop.t (id, n) VALUES (1, 127), (2, 70000), (3, -70000);
      UPDATE shop.t SET n = 63, id = 10 WHERE id = 1;
      ALTER TABLE shop.t MODIFY v MEDIUMTEXT;
      INSERT INTO shop.t (id, v) VALUES (202, REPEAT('long ', 40000));
      DELETE FROM shop.t WHERE id IN (2, 3)`);
      await hub.caughtUp();
      await using sdk = await hub.connect();
      await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest', tables: ['shop.*'] }));
      const read = await reading.until(await hub.lastId());
      const expected = read.flatMap(({ id, changes }) =>
        changes.filter(({ kind }) => kind !== 'ddl').map((change) => printed(id, change)),
      );
      expect(expected.length).toBe(8);
      const checkpoint = hub.folder.file('python.checkpoint');
      expect(await linesOf(hub, ['earliest', checkpoint, 'shop.*'], 8)).toEqual(expected);
      // It was killed behind its last line, which it may have saved or not: the rest comes, and nothing is left out.
      await hub.source.query('INSERT INTO shop.t (id) VALUES (500)');
      const [line] = await linesOf(hub, ['earliest', checkpoint], 1);
      const again = expected.slice(6).some((one) => isDeepStrictEqual(one, line));
      if (!again) expect(line).toMatchObject({ kind: 'insert', after: { id: '500' } });
    },
  );
});
