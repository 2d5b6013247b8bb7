import { cp } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { runCommand } from './support/command.js';

const bin = new URL('../../cli/bin', import.meta.url);

test.each(['drc', 'congo'])('%s says what to run while nothing is built', async (name) => {
  await using folder = await temporaryFolder('launcher');
  await cp(bin, folder.file('bin'), { recursive: true });
  await cp(new URL('../../cli/package.json', import.meta.url), folder.file('package.json'));
  expect(await runCommand(['tail', 'shop'], { program: folder.file('bin', `${name}.js`) })).toEqual({
    code: 2,
    stdout: '',
    stderr: `${name}: not built yet. Run \`npm install\` (or \`npm run build\`) in the repository first.\n`,
  });
});

test('help and version are answers, not errors; without a command help is', async () => {
  expect(await runCommand(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  const help = await runCommand(['dev', '--help']);
  expect(help.code).toBe(0);
  expect(help.stdout).toContain('DRC_SOURCE_PASSWORD');
  for (const args of [[], ['cm'], ['nothing']]) expect((await runCommand(args)).code).toBe(2);
});
