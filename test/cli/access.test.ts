import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { duration } from '../../cli/src/arguments.js';
import { revoke, tokenInspect, tokenRevoke } from '../../cli/src/commands/principals.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type Finished, runCommand, startCommand } from './support/command.js';

test('a life of a token is typed as days, hours, minutes or seconds', () => {
  expect(['90d', '12h', '15m', '30s'].map(duration)).toEqual([7_776_000_000, 43_200_000, 900_000, 30_000]);
  for (const text of ['90', 'd', '0d', '-1d', '1w', '1.5h', '1d ', '99999999999d'])
    expect(() => duration(text)).toThrow(/A duration reads/);
});

// Some 20 processes, one after the other.
test('users, roles, grants and tokens are made and taken away, in the folder of a stopped manager and through a running one', async () => {
  await using folder = await temporaryFolder('access');
  const cwd = folder.path;
  const init = await runCommand(['cm', 'init', '--data', 'cm'], { cwd });
  const env = { DRC_PASSWORD: /password: (.*)/.exec(init.stdout)![1]! };
  const stopped = (...args: string[]): Promise<Finished> => runCommand([...args, '--data', 'cm'], { cwd });
  const printed = async (call: Promise<Finished>): Promise<string> => {
    const { code, stdout, stderr } = await call;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  await printed(stopped('cm', 'machine-key', '--topics', 'shop'));
  expect(await printed(stopped('role', 'add', 'eu'))).toBe('role.add\trole:eu\n  after\t{}\n');
  const grant = ['grant', 'role:eu', '--topics', 'shop', '--tables', 'shop.orders,shop.items'];
  const wrong = await stopped(...grant, '--where', "region = 'eu' AND");
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/^CONDITION_INVALID: At character \d+ of the expression: /);
  const granted = await printed(
    stopped(
      ...grant,
      '--where',
      "region = 'eu' AND total > 100",
      '--drop',
      'card',
      '--hash',
      'email',
      '--backfill',
    ),
  );
  expect(granted).toMatch(
    /^role:eu\t[0-9a-f]{8}\tshop\tshop\.orders,shop\.items\twhere region = 'eu' AND total > 100; drop card; hash email; backfill\n$/,
  );
  const id = granted.split('\t')[1]!;
  expect(await printed(stopped('user', 'add', 'anna', '--roles', 'eu'))).toMatch(
    /^name: anna\npassword: \S+\n$/,
  );
  const ben = await stopped('user', 'add', 'ben', '-o', 'json');
  expect(JSON.parse(ben.stdout)).toEqual({ name: 'ben', password: expect.any(String) as string });
  expect(ben.stderr).toMatch(/^ben may read nothing yet: drc grant ben /);
  expect(JSON.parse(await printed(stopped('grants', 'ls', 'anna', '-o', 'json')))).toMatchObject([
    { to: 'role:eu', id, topics: ['shop'], drop: ['card'], hash: ['email'], backfill: true },
  ]);
  const issued = await stopped('token', 'issue', 'anna', '--label', 'nightly report', '--expires', '30d');
  expect(issued.stdout).toMatch(/^drctk_[0-9a-f]{16}_\S{43}\n$/);
  const token = issued.stdout.trim();
  const tokenId = token.split('_')[1]!;
  expect(issued.stderr).toContain(tokenId);
  expect(await printed(stopped('user', 'disable', 'anna', '--dry-run'))).toBe(
    'would: user.disable\tanna\n  before\t{"disabled":false}\n  after\t{"disabled":true}\n',
  );

  await using running = startCommand(['cm', 'start', '--data', 'cm', '--port', '0', '--admin-port', '0'], {
    cwd,
  });
  const [, url] = await running.prints(/"url":"(\S+?)"/);
  const asked = (...args: string[]): Promise<Finished> =>
    runCommand(args, { cwd, env: { ...env, DRC_MANAGER: url! } });
  const topics = (): Promise<Finished> =>
    runCommand(['topics', '--manager', url!], { cwd, env: { DRC_TOKEN: token } });
  expect(await printed(topics())).toBe('shop\t0\n');
  expect(await printed(asked('user', 'ls'))).toBe(
    'admin\tadministrator\tenabled\t-\t1 grant\nanna\tuser\tenabled\teu\t0 grants\nben\tuser\tenabled\t-\t0 grants\n',
  );
  const planned = JSON.parse(
    await printed(asked('revoke', 'role:eu', id, '--dry-run', '-o', 'json')),
  ) as object;
  expect(planned).toMatchObject({ dryRun: true, before: { grants: [{ id }] }, after: { grants: [] } });
  await writeFile(folder.file('report.token'), issued.stdout);
  expect(await printed(asked('token', 'inspect', '--token-file', 'report.token'))).toMatch(
    new RegExp(`^${tokenId}\tanna\tnightly report\tgood\t\\S+Z\t\\S+Z\n$`),
  );
  expect(await printed(asked('token', 'revoke', token))).toMatch(/^token\.revoke\t/);
  expect(await topics()).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^UNAUTHENTICATED: /) as string,
  });
  expect(await printed(asked('role', 'rm', 'eu'))).toMatch(/^role\.remove\trole:eu\n {2}before\t.*"anna"/);
  expect(await printed(asked('user', 'rm', 'ben'))).toMatch(/^user\.remove\tben\n/);
  expect(await printed(asked('cluster', 'rotate-keys', '-o', 'json'))).toMatch(/"kid": "\S{43}"/);
  const audit = running.stderr.split('\n').filter((line) => line.includes('"audit":true'));
  expect(audit.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(
    expect.arrayContaining(['login', 'token.revoke', 'role.remove', 'user.remove', 'key.rotate']),
  );
  expect(running.stderr).not.toContain(token.slice(-43));
}, 300_000);

test('what cannot be meant is refused before anybody is asked, and a secret is not repeated', async () => {
  const flags = { user: 'admin', output: 'table' } as const;
  const secret = `drctk_${'0'.repeat(16)}_${'A'.repeat(43)}`;
  const refused = (call: Promise<void>, message: RegExp) =>
    expect(call).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
    });
  await refused(revoke('role:eu', [], flags), /drc grants ls role:eu\), or say --all/);
  await refused(revoke('role:eu', ['3f2a9c01'], { ...flags, all: true }), /or say --all/);
  await refused(
    tokenRevoke('nonsense', flags),
    /^That is not the id of a token; `drc token ls` lists them\.$/,
  );
  await refused(tokenInspect(secret, flags), /^Name the id of a token \(drc token ls\), or a file/);
  await refused(tokenInspect(undefined, flags), /--token-file/);
  await refused(tokenInspect('0123456789abcdef', { ...flags, tokenFile: 'x' }), /--token-file/);
});

test('each command says what it does, with an example', async () => {
  const help = async (...args: string[]): Promise<string> => (await runCommand([...args, '--help'])).stdout;
  const [grant, token] = [await help('grant'), await help('token', 'issue')];
  expect(grant).toMatch(
    /Usage: drc grant \[options\] <principal\|role>[^]*--where[^]*Examples:\n {2}drc grant anna/,
  );
  expect(token).toMatch(/--expires <duration>[^]*Example:\n {2}drc token issue anna/);
});
