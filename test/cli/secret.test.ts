import { writeFile } from 'node:fs/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { readSecret } from '../../cli/src/secret.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const variable = 'DRC_TEST_SECRET';

afterEach(() => vi.unstubAllEnvs());

test('a file on the command line wins over the environment, and that over a file of the configuration', async () => {
  await using folder = await temporaryFolder('secret');
  const [flagFile, file] = [folder.file('flag'), folder.file('file')];
  await writeFile(flagFile, 'from flag\n');
  await writeFile(file, ' from file \r\n');
  expect(await readSecret({ variable, file })).toBe(' from file ');
  vi.stubEnv(variable, 'from environment');
  expect(await readSecret({ variable, file })).toBe('from environment');
  expect(await readSecret({ variable, file, flagFile })).toBe('from flag');
});

test('an empty password is a password', async () => {
  vi.stubEnv(variable, '');
  expect(await readSecret({ variable })).toBe('');
});

test('where nothing gives it, every way to give it is named', async () => {
  await expect(
    readSecret({ variable, prompt: 'Password: ', orElse: '--password-file' }),
  ).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: `A secret is missing: set ${variable}, or name a file with --password-file, or run on a terminal to be asked.`,
  });
  await expect(readSecret({ variable, file: '/nowhere/password' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('/nowhere/password: cannot be read') as string,
  });
});
