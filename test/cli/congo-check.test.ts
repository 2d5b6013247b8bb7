import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { startHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { startServer } from '../support/database-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { runCommand } from './support/command.js';

onEachServer('congo check', (flavour) => {
  it('prints all that is wrong by table, as JSON too, and says by its exit code whether there is a fault', async () => {
    await using hub = await startHub({ flavour });
    await using target = await startServer(flavour, { args: [] });
    await using folder = await temporaryFolder();
    await hub.source.query('CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, note TEXT)');
    await target.query('CREATE DATABASE shop; CREATE TABLE shop.orders (id SMALLINT PRIMARY KEY)');
    const file = `task: copy
clusterManager: ${hub.managerUrl}
topic: shop
tables: [{ from: shop.orders }, { from: shop.absent }]
target: { port: ${target.port}, user: root }
`;
    await writeFile(folder.file('congo.yaml'), file);
    const check = (...args: string[]) =>
      runCommand(['check', '--config', 'congo.yaml', ...args], {
        program: 'congo',
        cwd: folder.path,
        env: { DRC_MACHINE_KEY: hub.clientKey, CONGO_TARGET_PASSWORD: '' },
      });
    const found = await check();
    expect(found.code, found.stderr).toBe(1);
    expect(found.stdout).toBe(`shop.absent (source)
  fault    the topic has no such table; correct \`from\`, or look whether the store captures it
shop.absent (target)
  fault    there is no such table
shop.orders (target)
  fault    column 'note' is missing
  warning  column 'id': numbers beyond smallint are refused; widen it
copy: 1 table(s) of the source, 2 of the target; 3 fault(s), 1 warning(s).
`);
    const json = await check('--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      task: 'copy',
      complete: true,
      faults: [{ table: 'shop.absent', side: 'source' }, { table: 'shop.absent' }, { table: 'shop.orders' }],
    });
    await target.query('ALTER TABLE shop.orders ADD note TEXT, MODIFY id INT');
    await writeFile(folder.file('congo.yaml'), file.replace(', { from: shop.absent }', ''));
    expect(await check()).toMatchObject({
      code: 0,
      stdout: 'copy: 1 table(s) of the source, 1 of the target; 0 fault(s), 0 warning(s).\n',
    });
    const ddl = await check('--ddl');
    expect(ddl.code).toBe(0);
    await target.query(ddl.stdout);
    expect(await target.query('SELECT COUNT(*) AS n FROM drc.congo_task')).toEqual([{ n: 0 }]);
  });
});
