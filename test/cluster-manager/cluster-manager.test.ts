import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ClusterManager, initManager, parseManagerConfig } from '@drc/cluster-manager';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { cheapPasswords, managerFolder, temporaryFolder } from './fixture.js';

const silent = { logger: pino({ level: 'silent' }), passwordCost: cheapPasswords };
const start = (directory: string, config: Record<string, unknown> = {}): Promise<ClusterManager> =>
  ClusterManager.start(
    parseManagerConfig({ directory, listen: { port: 0 }, admin: { port: 0 }, ...config }),
    silent,
  );

/** Sends bytes and gives what came back until the other side closed. */
function talk(url: string, ...parts: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
    socket.on('close', () => resolve(answer));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    for (const part of parts) socket.write(part);
  });
}

describe('ClusterManager', () => {
  it('is alive, ready, and counts what it does, on its admin port', async () => {
    await using folder = await managerFolder();
    await using manager = await folder.start();
    const key = await manager.machineKey('store', ['shop']);
    await manager.announce(key);
    await manager.stores(await manager.token());
    await manager.login({ name: 'x', password: 'y' });
    const { adminUrl } = manager.manager;
    for (const path of ['/livez', '/readyz']) expect((await fetch(`${adminUrl}${path}`)).status).toBe(200);
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
    for (const line of [
      'drc_manager_logins_total{outcome="ok"} 2',
      'drc_manager_logins_total{outcome="UNAUTHENTICATED"} 1',
      'drc_manager_refusals_total{code="UNAUTHENTICATED"} 1',
      'drc_manager_tickets_total{topic="shop"} 1',
      'drc_manager_announcements_total{topic="shop"} 1',
      'drc_manager_stores{topic="shop"} 1',
      'drc_manager_request_seconds_count{route="/v1/topics/:topic/stores",status="200"} 1',
    ]) {
      expect(metrics).toContain(line);
    }
    expect((await fetch(`${adminUrl}/v1/topics`)).status).toBe(404);
  });

  it('does not let the number of metrics grow with the addresses asked for', async () => {
    await using folder = await managerFolder();
    await using manager = await folder.start();
    for (let i = 0; i < 20; i++) await manager.request('GET', `/random/${i}`);
    const metrics = await (await fetch(`${manager.manager.adminUrl}/metrics`)).text();
    expect(metrics).not.toContain('random');
  });

  it('closes twice, ends its ports, and lets go of the folder', async () => {
    await using folder = await managerFolder();
    const manager = await start(folder.directory);
    await Promise.all([manager.close(), manager.close()]);
    await manager.close();
    await expect(fetch(manager.url)).rejects.toThrow();
    await expect(fetch(manager.adminUrl)).rejects.toThrow();
    await using again = await start(folder.directory);
    expect(again.cluster).toBe('test');
  });

  it('keeps users, keys and logins over a restart', async () => {
    await using folder = await managerFolder();
    let token: string;
    let keys: unknown;
    {
      await using manager = await folder.start();
      token = await manager.token();
      keys = (await manager.request('GET', '/v1/keys')).body;
    }
    await using manager = await folder.start();
    expect((await manager.request('GET', '/v1/topics', { token })).status).toBe(200);
    expect((await manager.request('GET', '/v1/keys')).body).toEqual(keys);
  });

  it('refuses addresses that others could reach', async () => {
    await using folder = await managerFolder();
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) {
      const config = parseManagerConfig({
        directory: folder.directory,
        listen: { port: 0 },
        admin: { port: 0 },
      });
      for (const part of ['listen', 'admin']) {
        const started = ClusterManager.start({ ...config, [part]: { host, port: 0 } }, silent);
        await expect(started).rejects.toMatchObject({ code: 'ADDRESS_NOT_LOOPBACK' });
      }
    }
  });

  it('says which port is in use, and leaves nothing open', async () => {
    await using folder = await managerFolder();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const expected = { code: 'PORT_IN_USE', details: { port } };
    await expect(start(folder.directory, { listen: { port } })).rejects.toMatchObject(expected);
    await expect(start(folder.directory, { admin: { port } })).rejects.toMatchObject(expected);
    other.close();
    await using manager = await start(folder.directory);
    expect((await fetch(`${manager.url}/v1/keys`)).status).toBe(200);
  });

  it('runs once on a folder', async () => {
    await using folder = await managerFolder();
    await using _manager = await start(folder.directory);
    await expect(start(folder.directory)).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      details: { reason: 'locked' },
    });
  });

  it('does not start on a folder that does not exist, is empty, or is of another cluster', async () => {
    await using temporary = await temporaryFolder();
    const absent = { code: 'DATA_FOLDER', details: { reason: 'absent' } };
    await expect(start(temporary.path)).rejects.toMatchObject(absent);
    await expect(start(join(temporary.path, 'none'))).rejects.toMatchObject(absent);
    await using folder = await managerFolder();
    await expect(start(folder.directory, { cluster: 'other' })).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      details: { reason: 'cluster' },
    });
  });

  it('never starts with an empty registry in the place of a lost one', async () => {
    await using folder = await managerFolder();
    await rm(join(folder.directory, 'registry'), { recursive: true });
    for (let i = 0; i < 2; i++) {
      await expect(start(folder.directory)).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
    }
  });

  it('does not start with a folder or key that others can read', async () => {
    await using folder = await managerFolder();
    const key = join(folder.directory, 'signing-key.pem');
    await chmod(key, 0o644);
    await expect(start(folder.directory)).rejects.toThrow('chmod 600');
    await chmod(key, 0o600);
    await chmod(folder.directory, 0o755);
    await expect(start(folder.directory)).rejects.toThrow('chmod 700');
  });

  it('does not start with a signing key that is missing, damaged, or another’s, and never shows it', async () => {
    await using folder = await managerFolder();
    await using other = await temporaryFolder();
    await initManager(other.path, { passwordCost: cheapPasswords });
    const path = join(folder.directory, 'signing-key.pem');
    const pem = await readFile(path, 'utf8');
    const contents = [pem.slice(0, 80), '', await readFile(join(other.path, 'signing-key.pem'), 'utf8')];
    for (const content of contents) {
      await writeFile(path, content);
      const error = await start(folder.directory).then(
        () => new Error('started'),
        (cause: unknown) => cause as Error,
      );
      expect(error).toMatchObject({ code: 'DATA_FOLDER' });
      expect(`${error.message}${String(error.cause)}`).not.toContain(pem.slice(40, 60));
    }
    await rm(path);
    await expect(start(folder.directory)).rejects.toMatchObject({ code: 'DATA_FOLDER' });
  });
});

// At the same time: they mostly wait.
describe.concurrent('a peer of the cluster manager', () => {
  it('is cut off when its headers are too large or too many, and others are served', async () => {
    await using folder = await managerFolder();
    await using manager = await start(folder.directory);
    const request = 'GET /v1/keys HTTP/1.1\r\nHost: x\r\n';
    expect(await talk(manager.url, `${request}X: ${'a'.repeat(100_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    expect(await talk(manager.url, request, 'A: b\r\n'.repeat(20_000), '\r\n')).toMatch(/^HTTP\/1.1 431 /);
    expect(await talk(manager.url, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    expect(await talk(manager.url, 'this is not HTTP\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect((await fetch(`${manager.url}/v1/keys`)).status).toBe(200);
  });

  it('is cut off when it never finishes its headers, and others are served meanwhile', async () => {
    await using folder = await managerFolder();
    await using manager = await start(folder.directory);
    const slow = Array.from({ length: 20 }, () => talk(manager.url, 'GET /v1/keys HTTP/1.1\r\nHost: x\r\n'));
    expect((await fetch(`${manager.url}/v1/keys`)).status).toBe(200);
    for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1.1 408 /);
  });

  it('is cut off when it never finishes its body', async () => {
    await using folder = await managerFolder();
    await using manager = await start(folder.directory);
    const head =
      'POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n';
    await talk(manager.url, head, '{"name":');
    expect((await fetch(`${manager.url}/v1/keys`)).status).toBe(200);
  });

  it('does not keep a closing manager waiting', async () => {
    await using folder = await managerFolder();
    const manager = await start(folder.directory);
    const idle = talk(manager.url, 'GET /v1/keys HTTP/1.1\r\nHost: x\r\n');
    await fetch(`${manager.url}/v1/keys`);
    await manager.close();
    expect(await idle).toBe('');
  });
});
