import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand, startCommand } from '../cli/support/command.js';
import { devArguments } from '../cli/support/dev-hub.js';
import { npm, PackedProject, readmeProgram } from '../packages/support/packed-project.js';
import { type DatabaseServer, startMariadb } from '../support/database-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Beside the oldest one, which runs all tests. npm has each as the package `node`. */
const versions = ['22', '24'] as const;

let source: DatabaseServer;
let project: PackedProject;

beforeAll(async () => {
  [source, project] = await Promise.all([startMariadb(), PackedProject.create()]);
  await source.query(`
    CREATE DATABASE shop;
    CREATE TABLE shop.orders (id BIGINT PRIMARY KEY, total DECIMAL(12,2) NOT NULL);
    INSERT INTO shop.orders VALUES (1, 10.5);
    INSERT INTO shop.orders VALUES (9007199254740993, 0)`);
  await project.write('service.ts', await readmeProgram());
  const { code, stdout } = await project.compile();
  if (code !== 0) throw new Error(stdout);
});

afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  await source?.stop();
});

describe.each(versions)('Node %s', (version) => {
  it('runs manager, store, commands, and a service with the packed SDK', async () => {
    await using folder = await temporaryFolder('node');
    await npm(
      // What was fetched once will do: the registry may be slow.
      ['install', '--prefer-offline', '--no-audit', '--no-fund', '--prefix', folder.path, `node@${version}`],
      folder.path,
    );
    const node = folder.file('node_modules', '.bin', 'node');
    const options = { node, cwd: folder.path, env: { DRC_SOURCE_PASSWORD: source.password } };
    await writeFile(folder.file('version.mjs'), 'console.log(process.version)');
    const { stdout } = await runCommand([], { ...options, program: folder.file('version.mjs') });
    expect(stdout).toMatch(new RegExp(`^v${version}\\.`));
    await using dev = startCommand(devArguments(source), options);
    await dev.prints(/drc tail shop --from \S+/);
    const tail = await runCommand(['tail', 'shop', '--from', 'earliest', '--count', '4'], options);
    expect({ code: tail.code, lines: tail.stdout.trim().split('\n').length }).toEqual({ code: 0, lines: 4 });
    expect(await runCommand(['codegen', 'shop'], options)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(
        "'shop.orders': {\n    id: bigint;\n    total: string;\n  };",
      ) as string,
    });
    const profile = JSON.parse(await readFile(folder.file('drc-data', 'client.json'), 'utf8')) as {
      readonly clusterManager: string;
      readonly machineKey: string;
    };
    await using service = startCommand([], {
      node,
      program: project.file('out', 'service.js'),
      cwd: folder.path,
      env: { MANAGER: profile.clusterManager, KEY: profile.machineKey },
    });
    expect(await service.printsLines(2)).toEqual(['total 10.50', 'total 0.00']);
    expect(await dev.stop()).toBe(0);
  });
});
