import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runCommand } from '../cli/support/command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the tests of the example service pass, with nothing running beside them', async () => {
  const program = fileURLToPath(new URL('../../examples/dist/order-mail-test.js', import.meta.url));
  const { code, stdout, stderr } = await runCommand([], { program, cwd: root, env: {} });
  expect({ code, stderr, failed: /^not ok.*/m.exec(stdout)?.[0] }).toEqual({
    code: 0,
    stderr: '',
    failed: undefined,
  });
  expect(stdout).toMatch(/pass 3\b/);
});
