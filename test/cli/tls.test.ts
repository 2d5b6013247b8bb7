import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeAuthority, makeCertificate, type CertificateFiles } from '../support/certificates.js';
import { startMariadb, type DatabaseServer } from '../support/database-server.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { runCommand, startCommand } from './support/command.js';

const password = 'of the test';

/** A server whose user `tls` is let in over encrypted connections only. */
async function startEncrypted({ cert, key }: CertificateFiles): Promise<DatabaseServer> {
  const server = await startMariadb({ args: [`--ssl-cert=${cert}`, `--ssl-key=${key}`, `--ssl-ca=${cert}`] });
  await server.query(`CREATE USER tls IDENTIFIED BY '${password}' REQUIRE SSL; GRANT ALL ON *.* TO tls`);
  return server;
}

const tableSql = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)';

const storeFile = (source: DatabaseServer, tls: string): string => `topic: shop
directory: ./store
source: { host: localhost, port: ${source.port}, user: tls, tls: ${tls} }
listen: { port: 0 }
admin: { port: 0 }
clusterManagers: [http://127.0.0.1:9]
`;

const env = { DRC_SOURCE_PASSWORD: password, DRC_MACHINE_KEY: 'none' };

/** What the store says of a source that it does not believe. */
async function refusal(folder: TemporaryFolder, source: DatabaseServer, tls: string): Promise<string> {
  await writeFile(folder.file('store.yaml'), storeFile(source, tls));
  await using store = startCommand(['store', 'start', '--config', 'store.yaml'], { cwd: folder.path, env });
  const [line] = await store.prints(/"code":"SOURCE_UNREACHABLE".*/);
  return line;
}

test('a store reads its source encrypted, and only one whose certificate and name are right', async () => {
  await using folder = await temporaryFolder('tls');
  const right = await makeCertificate(folder, 'localhost');
  const other = await makeCertificate(folder, 'db.example');
  await using source = await startEncrypted(right);
  await source.query(tableSql);

  expect(await refusal(folder, source, 'true')).toContain('self-signed certificate');
  expect(await refusal(folder, source, `{ ca: ${other.cert} }`)).toContain('certificate');
  await using elsewhere = await startEncrypted(other);
  expect(await refusal(folder, elsewhere, `{ ca: ${other.cert} }`)).toContain('altnames');

  const byAddress = storeFile(source, 'true').replace('localhost', '127.0.0.1');
  await writeFile(folder.file('store.yaml'), byAddress);
  const refused = await runCommand(['store', 'start', '--config', 'store.yaml'], { cwd: folder.path, env });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('store.yaml:3:52 source.tls: cannot compare a certificate');

  await writeFile(folder.file('store.yaml'), storeFile(source, `{ ca: ${right.cert} }`));
  await using store = startCommand(['store', 'start', '--config', 'store.yaml'], { cwd: folder.path, env });
  await store.prints('"source connected"');
  const sessions = await source.query(
    "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'tls' AND command = 'Binlog Dump'",
  );
  expect(sessions).toEqual([{ n: 1 }]);
  expect(await store.stop()).toBe(0);
});

test('drc dev reads its source encrypted, by an authority of a file', async () => {
  await using folder = await temporaryFolder('tls');
  const right = await makeCertificate(folder, 'localhost');
  const other = await makeCertificate(folder, 'db.example');
  await using source = await startEncrypted(right);
  await source.query(tableSql);
  const dev = (host: string, ...tls: string[]): readonly string[] => [
    'dev',
    '--source',
    `mysql://tls@${host}:${source.port}/shop`,
    '--port',
    '0',
    '--store-port',
    '0',
    ...tls,
  ];
  const options = { cwd: folder.path, env };
  for (const tls of [['--tls'], ['--tls-ca', other.cert]]) {
    const refused = await runCommand(dev('localhost', ...tls), options);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^SOURCE_UNREACHABLE: .*certificate/);
  }
  const byAddress = await runCommand(dev('127.0.0.1', '--tls-ca', right.cert), options);
  expect(byAddress.code).toBe(2);
  expect(byAddress.stderr).toContain('cannot compare a certificate with an address');
  const noFile = await runCommand(dev('localhost', '--tls-ca', 'missing.pem'), options);
  expect(noFile.code).toBe(2);
  expect(noFile.stderr).toContain('missing.pem: cannot be read');

  await using running = startCommand(dev('localhost', '--tls-ca', right.cert), options);
  await running.prints('drc tail shop');
  expect(await running.stop()).toBe(0);
});

test('congo writes to its target encrypted, and only to one whose certificate is right', async () => {
  await using folder = await temporaryFolder('tls');
  const right = await makeCertificate(folder, 'localhost');
  const other = await makeCertificate(folder, 'db.example');
  await using target = await startEncrypted(right);
  await target.query(tableSql);
  await using source = await startMariadb();
  await source.query(`${tableSql}; INSERT INTO shop.t VALUES (7)`);
  await using hub = startCommand(
    ['dev', '--source', `mysql://root@127.0.0.1:${source.port}/shop`, '--port', '0', '--store-port', '0'],
    {
      cwd: folder.path,
      env: { DRC_SOURCE_PASSWORD: '' },
    },
  );
  const [, manager] = await hub.prints(/cluster manager +(\S+)/);
  const [, drcPassword] = await hub.prints(/password +(\S+)/);
  const task = (tls: string): Promise<void> =>
    writeFile(
      folder.file('congo.yaml'),
      `task: copy
clusterManager: ${manager}
user: dev
topic: shop
tables: [{ from: shop.t }]
target: { host: localhost, port: ${target.port}, user: tls, tls: ${tls} }
ddl: ignore
admin: { port: 0 }
`,
    );
  const options = {
    program: 'congo',
    cwd: folder.path,
    env: { CONGO_TARGET_PASSWORD: password, DRC_PASSWORD: drcPassword! },
  };

  await task(`{ ca: ${other.cert} }`);
  {
    await using wrong = startCommand(['run', '--config', 'congo.yaml'], options);
    const [line] = await wrong.prints(/"code":"TARGET_UNREACHABLE".*/);
    expect(line).toContain('certificate');
    expect(line).toContain('Check target.tls');
  }
  await task('false');
  const unencrypted = await runCommand(['run', '--config', 'congo.yaml'], options);
  expect(unencrypted.code).toBe(1);
  expect(unencrypted.stderr).toMatch(
    /TARGET_AUTH: .*REQUIRE SSL is refused like this where target\.tls is not set/,
  );
  await task(`{ ca: ./missing.pem }`);
  const missing = await runCommand(['run', '--config', 'congo.yaml'], options);
  expect({ code: missing.code, stderr: missing.stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('./missing.pem: cannot be read') as string,
  });

  await task(`{ ca: ${right.cert} }`);
  await using congo = startCommand(['run', '--config', 'congo.yaml'], options);
  await expect.poll(() => target.query('SELECT id FROM shop.t'), { timeout: 60_000 }).toEqual([{ id: 7 }]);
  expect(await congo.stop()).toBe(0);
});

test('a manager is asked over https, by commands that believe its authority', async () => {
  await using folder = await temporaryFolder('tls');
  const authority = await makeAuthority(folder, 'authority');
  const other = await makeAuthority(folder, 'other');
  const { cert, key } = await authority.issue('cm', ['localhost']);
  const cwd = folder.path;
  const made = await runCommand(['cm', 'init', '--data', 'cm'], { cwd });
  const clientEnv = { DRC_PASSWORD: /password: (\S+)/.exec(made.stdout)![1]! };
  await writeFile(
    folder.file('cm.yaml'),
    `directory: ./cm\nlisten: { host: localhost, port: 0 }\nadmin: { port: 0 }\ntls: { certFile: ${cert}, keyFile: ${key} }\n`,
  );
  await using manager = startCommand(['cm', 'start', '--config', 'cm.yaml'], { cwd });
  const [, port] = await manager.prints(/"url":"https:\/\/[^"]*:(\d+)"/);
  const ask = (address: string, ...flags: readonly string[]) =>
    runCommand(['topics', '--manager', address, '--user', 'admin', ...flags], { cwd, env: clientEnv });
  const address = `https://localhost:${port}`;

  const [good, users, untrusted, wrongName, missing, plain] = await Promise.all([
    ask(address, '--tls-ca', authority.cert),
    runCommand(['cm', 'users', '--manager', address], {
      cwd,
      env: { ...clientEnv, DRC_TLS_CA: authority.cert },
    }),
    ask(address, '--tls-ca', other.cert),
    ask(address, '--tls-ca', authority.cert, '--tls-name', 'cm.internal'),
    ask(address, '--tls-ca', 'missing.pem'),
    ask('http://cm.internal:7370'),
  ]);
  expect(good.code).toBe(0);
  expect([users.code, users.stdout]).toEqual([0, expect.stringContaining('admin')]);
  expect([untrusted.code, untrusted.stderr]).toEqual([
    1,
    expect.stringMatching(/^TLS_UNTRUSTED: .*no authority/),
  ]);
  expect([wrongName.code, wrongName.stderr]).toEqual([1, expect.stringMatching(/^TLS_WRONG_NAME: /)]);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('missing.pem: cannot be read')]);
  expect([plain.code, plain.stderr]).toEqual([2, expect.stringMatching(/^PLAINTEXT_REFUSED: /)]);
  expect(await manager.stop()).toBe(0);
});
