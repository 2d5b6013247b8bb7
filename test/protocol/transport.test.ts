import { once } from 'node:events';
import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo, type Server } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  AddressLimit,
  checkTlsOptions,
  createPortServer,
  isDrcError,
  jsonRequest,
  mustBePrivateWay,
  ServerTls,
  type ServerTlsFiles,
  type TlsOptions,
} from '@drc/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeAuthority, type CertificateAuthority, type CertificateFiles } from '../support/certificates.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
let authority: CertificateAuthority;
let other: CertificateAuthority;
let good: CertificateFiles;
let ca: Buffer;

beforeAll(async () => {
  folder = await temporaryFolder('transport');
  authority = await makeAuthority(folder, 'authority');
  other = await makeAuthority(folder, 'other-authority');
  good = await authority.issue('good', ['127.0.0.1', 'cm.internal']);
  ca = await readFile(authority.cert);
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Port extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly server: Server;
  readonly tls: ServerTls | undefined;
  readonly events: string[];
}

const answering: RequestListener = (request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ authorization: request.headers.authorization ?? null }));
};

async function openPort(files?: ServerTlsFiles, listener: RequestListener = answering): Promise<Port> {
  const events: string[] = [];
  const tls =
    files &&
    (await ServerTls.open(
      files,
      {
        reloaded: ({ subject }) => events.push(`reloaded ${subject}`),
        failed: ({ message }) => events.push(`failed ${message}`),
        refused: () => events.push('refused'),
      },
      { reloadMs: 20, handshakeMs: 200 },
    ));
  const server = createPortServer(tls, {}, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    server,
    tls,
    events,
    [Symbol.asyncDispose]: async () => {
      tls?.[Symbol.dispose]();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const certificate = ({ cert: certFile, key: keyFile }: CertificateFiles): ServerTlsFiles => ({
  certFile,
  keyFile,
});

const ask = (address: string, tls?: TlsOptions, more: Partial<Parameters<typeof jsonRequest>[1]> = {}) =>
  jsonRequest(address, {
    method: 'GET',
    path: '/v1/topics',
    token: 'the-token',
    timeoutMs: 30_000,
    maxAnswerBytes: 1000,
    ...(tls === undefined ? {} : { tls }),
    ...more,
  });

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isDrcError(error)) throw new Error('It was not refused.', { cause: error });
  return `${error.code}: ${error.message}`;
}

describe('a request over TLS', () => {
  it('is answered where the certificate is of the authority and for the name', async () => {
    await using port = await openPort(certificate(good));
    const { status, text } = await ask(port.address, { ca });
    expect([status, JSON.parse(text)]).toEqual([200, { authorization: 'Bearer the-token' }]);
    expect((await ask(port.address, { ca, serverName: 'cm.internal' })).status).toBe(200);
  });

  it('says which fault a certificate has: another authority, another name, not of this time', async () => {
    await using port = await openPort(certificate(good));
    const yesterday = new Date(Date.now() - 86_400_000);
    const [old, early] = [
      await authority.issue('old', ['127.0.0.1'], {
        notBeforeDate: new Date(Date.now() - 2 * 86_400_000),
        notAfterDate: yesterday,
      }),
      await authority.issue('early', ['127.0.0.1'], { notBeforeDate: new Date(Date.now() + 86_400_000) }),
    ];
    const untrusted = await refusalOf(ask(port.address));
    expect(untrusted).toMatch(
      /^TLS_UNTRUSTED: https:\/\/127\.0\.0\.1:\d+ shows a certificate of no authority/,
    );
    expect(await refusalOf(ask(port.address, { ca: await readFile(other.cert) }))).toMatch(
      /^TLS_UNTRUSTED: /,
    );
    expect(await refusalOf(ask(port.address, { ca, serverName: 'db.internal' }))).toMatch(
      /^TLS_WRONG_NAME: .*for other names.*db\.internal/,
    );
    await using expired = await openPort(certificate(old));
    expect(await refusalOf(ask(expired.address, { ca }))).toMatch(/^TLS_EXPIRED: .*expired/);
    await using unborn = await openPort(certificate(early));
    expect(await refusalOf(ask(unborn.address, { ca }))).toMatch(/^TLS_EXPIRED: .*not valid yet/);
  });

  it('is not sent at all where the certificate is wrong', async () => {
    const asked: unknown[] = [];
    await using port = await openPort(certificate(good), (request, response) => {
      asked.push(request.url);
      response.end('{}');
    });
    expect(await refusalOf(ask(port.address))).toMatch(/^TLS_UNTRUSTED/);
    expect(asked).toEqual([]);
  });

  it('shows a client certificate where one is asked for, and hears where it does not do', async () => {
    const client = await authority.issue('client', ['reader']);
    const stranger = await other.issue('stranger', ['reader']);
    const pairOf = async ({ cert, key }: CertificateFiles) => ({
      ca,
      cert: await readFile(cert),
      key: await readFile(key),
    });
    const asking = { ...certificate(good), caFile: authority.cert };
    await using strict = await openPort({ ...asking, clientCertificates: 'require' });
    expect((await ask(strict.address, await pairOf(client))).status).toBe(200);
    expect(await refusalOf(ask(strict.address, { ca }))).toMatch(
      /^TLS_CLIENT_CERTIFICATE: |^MANAGER_UNREACHABLE: /,
    );
    expect(await refusalOf(ask(strict.address, await pairOf(stranger)))).toMatch(
      /^TLS_CLIENT_CERTIFICATE: |^MANAGER_UNREACHABLE: /,
    );
    await vi.waitFor(() => expect(strict.events).toEqual(['refused', 'refused']), { timeout: 30_000 });

    await using lenient = await openPort({ ...asking, clientCertificates: 'request' });
    expect((await ask(lenient.address, { ca })).status).toBe(200);
    expect((await ask(lenient.address, await pairOf(client))).status).toBe(200);
    await refusalOf(ask(lenient.address, await pairOf(stranger)));
    await vi.waitFor(() => expect(lenient.events).toEqual(['refused']), { timeout: 30_000 });
  });

  it('says that a port speaks no TLS, and ends one that speaks nothing else', async () => {
    await using plain = await openPort();
    expect(await refusalOf(ask(plain.address.replace('http:', 'https:'), { ca }))).toMatch(
      /^MANAGER_UNREACHABLE: .*the port does not speak TLS/,
    );
    await using port = await openPort(certificate(good));
    expect(await refusalOf(ask(port.address.replace('https:', 'http:')))).toMatch(/^MANAGER_UNREACHABLE: /);
    const silent = connect(port.port, '127.0.0.1');
    silent.on('error', () => undefined);
    await once(silent, 'close');
    expect(port.events).toEqual(['refused', 'refused']);
  });

  it('is made with TLS 1.2 or newer', async () => {
    await using port = await openPort(certificate(good));
    const socket = connectTls({
      port: port.port,
      host: '127.0.0.1',
      ca,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toMatch(/protocol|version|handshake/i);
  });
});

describe('a request', () => {
  it('with credentials is not sent to another machine without TLS, unless that is asked for', async () => {
    for (const address of ['http://192.0.2.1:7370', 'http://cm.internal', 'http://localhost.example.org'])
      expect(await refusalOf(ask(address))).toMatch(/^PLAINTEXT_REFUSED: .* is not encrypted/);
    for (const address of [
      'http://127.0.0.1',
      'http://[::1]:1',
      'ws://localhost:1',
      'wss://a.example',
      'https://b',
    ])
      mustBePrivateWay(address, undefined);
    mustBePrivateWay('http://cm.internal', 'allow');
  });

  it('follows no redirection, and bounds answers in length and time', async () => {
    await using away = await openPort(undefined, (_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    });
    expect(await refusalOf(ask(away.address))).toMatch(/^MANAGER_UNREACHABLE: .*redirection/);
    await using long = await openPort(undefined, (_request, response) => response.end('x'.repeat(1001)));
    expect(await refusalOf(ask(long.address))).toMatch(/^MANAGER_UNREACHABLE: .*longer than 1000 bytes/);
    await using mute = await openPort(undefined, () => undefined);
    expect(await refusalOf(ask(mute.address, undefined, { timeoutMs: 50 }))).toMatch(
      /no answer within 50 ms/,
    );
  });

  it('ends with its signal, for the signal’s reason', async () => {
    await using mute = await openPort(undefined, () => undefined);
    const reason = new Error('enough');
    const controller = new AbortController();
    const asked = ask(mute.address, undefined, { signal: controller.signal });
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await expect(ask(mute.address, undefined, { signal: controller.signal })).rejects.toBe(reason);
  });
});

/** As a whole: nobody sees half of it. */
async function putInPlace(file: string, place: string): Promise<void> {
  await copyFile(file, `${place}.new`);
  await rename(`${place}.new`, place);
}

describe('a port with a certificate', () => {
  it('takes a new one for new connections, and leaves those that there are alone', async () => {
    const files = { cert: folder.file('live.pem'), key: folder.file('live.key') };
    await copyFile(good.cert, files.cert);
    await copyFile(good.key, files.key);
    await using port = await openPort(certificate(files));
    const old = connectTls({ port: port.port, host: '127.0.0.1', ca });
    await once(old, 'secureConnect');
    const next = await authority.issue('next', ['127.0.0.1', 'next.internal']);

    // The key first: for a moment the two do not belong together.
    await putInPlace(next.key, files.key);
    await vi.waitFor(
      () => expect(port.events).toContainEqual(expect.stringMatching(/^failed tls: .*no PEM/)),
      {
        timeout: 30_000,
      },
    );
    expect((await ask(port.address, { ca })).status).toBe(200);
    await putInPlace(next.cert, files.cert);
    await vi.waitFor(() => expect(port.events.at(-1)).toMatch(/^reloaded .*127\.0\.0\.1/), {
      timeout: 30_000,
    });

    expect((await ask(port.address, { ca, serverName: 'next.internal' })).status).toBe(200);
    old.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const [answer] = (await once(old, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200/);
    old.destroy();

    await rm(files.cert);
    await vi.waitFor(() => expect(port.events.at(-1)).toMatch(/^failed tls\.certFile: .*cannot be read/), {
      timeout: 30_000,
    });
    expect((await ask(port.address, { ca })).status).toBe(200);
    expect(port.events.filter((event) => event.startsWith('failed'))).toHaveLength(2);
  });

  it('does not open with files that are missing, no PEM, or of two certificates', async () => {
    const junk = folder.file('junk.pem');
    await writeFile(junk, 'no certificate');
    const none = { reloaded: () => undefined, failed: () => undefined, refused: () => undefined };
    const open = (files: ServerTlsFiles) => refusalOf(ServerTls.open(files, none));
    const [certFile, keyFile] = [good.cert, good.key];
    expect(await open({ certFile: folder.file('no.pem'), keyFile })).toMatch(
      /^CONFIG_INVALID: tls\.certFile: .*no\.pem cannot be read/,
    );
    expect(await open({ certFile: junk, keyFile })).toMatch(/^CONFIG_INVALID: tls: .*junk\.pem/);
    const next = await authority.issue('second', ['127.0.0.1']);
    expect(await open({ certFile, keyFile: next.key })).toMatch(/^CONFIG_INVALID: tls: /);
    expect(await open({ certFile, keyFile, caFile: junk })).toMatch(/^CONFIG_INVALID: tls: /);
    expect(await open({ certFile, keyFile, clientCertificates: 'require' })).toMatch(
      /tls\.caFile is missing/,
    );
    expect(() => checkTlsOptions({ ca: 'junk' })).toThrow(/no PEM/);
    expect(() => checkTlsOptions({ cert: 'alone' })).toThrow(/belong together/);
  });
});

describe('the connections of one address', () => {
  it('are bounded, and counted no longer once they are let out', async () => {
    const server = createServer(answering);
    let refused = 0;
    const limit = new AddressLimit(server, 2, () => refused++);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const open = async () => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    };
    const first = await open();
    const second = await open();
    const third = await open();
    await once(third, 'close');
    expect(refused).toBe(1);

    limit.release('127.0.0.1', first.localPort!);
    const fourth = await open();
    fourth.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(fourth, 'data');
    // One that was let out frees nothing a second time.
    first.destroy();
    await once(first, 'close');
    const fifth = await open();
    await once(fifth, 'close');
    expect(refused).toBe(2);

    const ended = [once(second, 'close'), once(fourth, 'close')];
    limit.closeAll();
    await Promise.all(ended);
    server.close();
    await once(server, 'close');
  });
});
