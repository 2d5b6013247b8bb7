import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand, startCommand, type Finished } from '../cli/support/command.js';
import { startHub, type TestHub } from '../support/hub.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { pack, PackedProject, readmeProgram, root } from './support/packed-project.js';

const names = ['protocol', 'client-sdk'] as const;
const tool = (name: string, ...args: string[]): Promise<Finished> =>
  runCommand(args, { program: join(root, 'node_modules', name) });

describe('the packed tarballs', () => {
  let folder: TemporaryFolder;
  let tarballs: string[];

  beforeAll(async () => {
    folder = await temporaryFolder('packages');
    tarballs = await pack(names, folder.path);
  });

  afterAll(async () => folder?.[Symbol.asyncDispose]());

  it.each(names)('of %s have nothing that publint warns of', async (name) => {
    const tarball = tarballs[names.indexOf(name)]!;
    expect(await tool('publint/src/cli.js', 'run', tarball, '--strict')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('All good!') as string,
    });
  });

  it.each(names)('of %s have the right types wherever ES modules are taken', async (name) => {
    const tarball = tarballs[names.indexOf(name)]!;
    const options = ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'json'];
    const { code, stdout } = await tool('@arethetypeswrong/cli/dist/index.js', tarball, ...options);
    const { analysis } = JSON.parse(stdout) as {
      readonly analysis: { readonly packageName: string; readonly types: unknown };
    };
    expect([code, analysis.packageName, analysis.types]).toEqual([0, `@drc/${name}`, { kind: 'included' }]);
  });
});

describe('in an empty project', () => {
  let hub: TestHub;
  let project: PackedProject;

  beforeAll(async () => {
    [hub, project] = await Promise.all([startHub(), PackedProject.create()]);
  });

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await hub?.[Symbol.asyncDispose]();
  });

  it('the README’s program compiles, reads, and goes on where it stopped', async () => {
    await hub.source.query(`
      CREATE DATABASE shop;
      CREATE TABLE shop.orders (id BIGINT PRIMARY KEY, total DECIMAL(12,2) NOT NULL);
      INSERT INTO shop.orders VALUES (1, 10.5);
      INSERT INTO shop.orders VALUES (9007199254740993, 0)`);
    await hub.caughtUp();
    await project.write('service.ts', await readmeProgram());
    expect(await project.compile()).toEqual({ code: 0, stdout: '', stderr: '' });
    const options = {
      program: project.file('out', 'service.js'),
      cwd: project.path,
      env: { MANAGER: hub.managerUrl, KEY: hub.clientKey },
    };
    {
      await using service = startCommand([], options);
      expect(await service.printsLines(2)).toEqual(['total 10.50', 'total 0.00']);
      // The place is saved behind each transaction that is done.
      await hub.source.query('INSERT INTO shop.orders VALUES (3, 1), (4, 2)');
      await service.printsLines(4);
      await hub.source.query('INSERT INTO shop.orders VALUES (5, 7)');
      await service.printsLines(5);
      await service.stop('SIGKILL');
    }
    await hub.source.query('INSERT INTO shop.orders VALUES (6, 8)');
    await using service = startCommand([], options);
    await service.prints('total 8.00');
    expect(['total 8.00', 'total 7.00\ntotal 8.00']).toContain(service.lines.join('\n'));
  });

  it('mysql2 is needed for Congo alone', async () => {
    await project.write(
      'peer.js',
      `for (const name of ['@drc/client-sdk', '@drc/client-sdk/congo'])
         await import(name).then((module) => console.log(Object.keys(module).includes('connect') ? 'sdk' : 'congo'),
           (error) => console.log(error.code, error.message.includes("'mysql2'")));`,
    );
    const options = { program: project.file('peer.js'), cwd: project.path };
    expect((await runCommand([], options)).stdout).toBe('sdk\nERR_MODULE_NOT_FOUND true\n');
    await project.add('mysql2');
    expect((await runCommand([], options)).stdout).toBe('sdk\ncongo\n');
  });
});
