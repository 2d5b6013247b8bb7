import { parseManagerConfig } from '@drc/cluster-manager';
import { isDrcError } from '@drc/protocol';
import { parseStoreConfig } from '@drc/store';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type ConfigParser, readConfig } from '../../cli/src/config-file.js';
import { parseCongoConfig } from '../../cli/src/congo-config.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** The faults of a file, without its path. */
async function faultsOf(text: string, parse: ConfigParser<unknown>, overrides = {}): Promise<unknown> {
  await using folder = await temporaryFolder('config');
  const file = folder.file('file.yaml');
  await writeFile(file, text);
  try {
    return { config: await readConfig(file, parse, overrides) };
  } catch (error) {
    if (!isDrcError(error, 'CONFIG_INVALID')) throw error;
    return ((error.details['faults'] as string[] | undefined) ?? [error.message]).map((fault) =>
      fault.replaceAll(`${file}:`, ''),
    );
  }
}

test('all faults of a store file are told at once, each with line and column', async () => {
  const text = `topic: "two words"
directory: ./data
source:
  url: mysql://me:secret@host/nowhere
  colour: red
capture:
  include: [shop.*, nodot]
log: { retention: soon }
listen:
  port: 70000
`;
  expect(await faultsOf(text, parseStoreConfig)).toEqual([
    expect.stringMatching(/^1:1 topic: must be letters/),
    expect.stringMatching(/^(4:3 source\.url: must end with the port|5:3 source\.colour: is not a setting)/),
    expect.stringMatching(/^7:21 capture\.include\.1: must read schema\.table/),
    expect.stringMatching(/^8:8 log\.retention: /),
    expect.stringMatching(/^10:3 listen\.port: /),
    expect.stringMatching(/^1:1 clusterManagers: is missing/),
  ]);
});

test('all faults of a manager file and of a task are told at once, too', async () => {
  expect(await faultsOf('directory: ""\nleaseMs: 5\nlisen: { port: 1 }\n', parseManagerConfig)).toEqual([
    expect.stringMatching(/^1:1 directory: /),
    expect.stringMatching(/^2:1 leaseMs: /),
    '3:1 lisen: is not a setting',
  ]);
  expect(
    await faultsOf('task: x\ntopic: shop\ntarget: { host: h, prt: 1 }\nfrom: noon\n', parseCongoConfig),
  ).toEqual([
    '1:1 clusterManager: is missing',
    expect.stringMatching(/^4:1 from: is not a moment/),
    '1:1 tables: is missing',
    '3:1 target.user: is missing',
    '3:20 target.prt: is not a setting',
  ]);
  expect(
    await faultsOf(
      `task: x
clusterManager: http://127.0.0.1:7370
topic: shop
triggers: maybe
target: { user: u }
tables:
  - { from: 'shop.*', to: copy.one }
  - { from: shop }
`,
      parseCongoConfig,
    ),
  ).toEqual([
    expect.stringMatching(/^4:1 triggers: /),
    expect.stringMatching(/^7:23 tables\.0\.to: 'copy\.one' would put every table of 'shop\.\*' into one/),
    "8:7 tables.1.from: 'shop' is not schema.table",
  ]);
});

test('broken YAML and keys given twice are told with line and column', async () => {
  expect(await faultsOf('topic: [shop\nx: 1\n', parseStoreConfig)).toEqual([
    expect.stringMatching(/^\d+:\d+ /),
  ]);
  expect(await faultsOf('directory: a\ndirectory: b\n', parseManagerConfig)).toEqual([
    expect.stringMatching(/^2:1 /),
  ]);
  expect(await faultsOf('directory: *nothing\n', parseManagerConfig)).toEqual([
    expect.stringMatching(/nothing/),
  ]);
});

test('a file that is not there is told by its name', async () => {
  await expect(readConfig('/nowhere/cm.yaml', parseManagerConfig)).rejects.toThrow(
    /\/nowhere\/cm\.yaml: cannot be read/,
  );
});

test('what is given beside the file wins over it, and what is not leaves it alone', async () => {
  const text = 'directory: ./from-file\nlisten: { host: 127.0.0.2, port: 1 }\n';
  const overrides = { directory: undefined, 'listen.port': 2, 'admin.port': 3 };
  expect(await faultsOf(text, parseManagerConfig, overrides)).toMatchObject({
    config: { directory: './from-file', listen: { host: '127.0.0.2', port: 2 }, admin: { port: 3 } },
  });
});
