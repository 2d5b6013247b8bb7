import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  createServer as createPlainServer,
  type RequestListener,
  type Server as PlainServer,
  type ServerOptions,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { DrcError } from '../errors.js';
import { minTlsVersion } from './tls-options.js';

/** The certificate of a port, and whether it asks its clients for theirs. Names of files in PEM. */
export interface ServerTlsFiles {
  /** The certificate, followed by those between it and its authority. */
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities of client certificates. Needed where they are asked for. */
  readonly caFile?: string | undefined;
  /**
   * Default `none`. `request`: who shows one must show a good one, who shows none is let in. `require`: nobody without
   * one. A certificate lets nobody read anything: a ticket or a token is needed all the same.
   */
  readonly clientCertificates?: 'none' | 'request' | 'require';
}

/** What those who run a port hear of its certificates. */
export interface ServerTlsEvents {
  /** New files are in force: connections made from now on see them, those that there are go on. */
  reloaded(certificate: { readonly subject: string; readonly validTo: string }): void;
  /** The files have changed, and cannot be used: the old ones stay in force. Told once for each change. */
  failed(error: DrcError): void;
  /** A connection that did not come to TLS: no handshake in time, no client certificate, no TLS at all. */
  refused(): void;
}

export interface ServerTlsTimes {
  /** Between two looks at the files, in ms. Default 10 s. */
  readonly reloadMs?: number;
  /** How long a handshake may take, in ms. Default 5 s. */
  readonly handshakeMs?: number;
}

/** The certificates of one port, read anew whenever their files change. */
export class ServerTls implements Disposable {
  readonly #files: ServerTlsFiles;
  readonly #events: ServerTlsEvents;
  readonly #times: ServerTlsTimes;
  #context: SecureContextOptions;
  /** Of the content looked at last. */
  #digest: string;
  #server: TlsServer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading = false;

  private constructor(
    files: ServerTlsFiles,
    events: ServerTlsEvents,
    times: ServerTlsTimes,
    { digest, context }: Loaded,
  ) {
    this.#files = files;
    this.#events = events;
    this.#times = times;
    this.#context = context;
    this.#digest = digest;
  }

  /** @throws DrcError `CONFIG_INVALID`, naming the file. */
  static async open(
    files: ServerTlsFiles,
    events: ServerTlsEvents,
    times: ServerTlsTimes = {},
  ): Promise<ServerTls> {
    const { clientCertificates = 'none', caFile } = files;
    if (clientCertificates !== 'none' && caFile === undefined)
      throw new DrcError('CONFIG_INVALID', 'tls.caFile is missing: client certificates must be of somebody.');
    const content = await read(files);
    return new ServerTls(files, events, times, {
      digest: digestOf(content),
      context: contextOf(files, content),
    });
  }

  /** A server for this port, which takes the certificates as they come. One for each `ServerTls`. */
  createServer(options: ServerOptions, listener: RequestListener): TlsServer {
    const { clientCertificates = 'none' } = this.#files;
    const server = createTlsServer(
      {
        ...options,
        ...this.#context,
        minVersion: minTlsVersion,
        requestCert: clientCertificates !== 'none',
        rejectUnauthorized: clientCertificates === 'require',
        handshakeTimeout: this.#times.handshakeMs ?? 5_000,
      },
      listener,
    );
    server.on('tlsClientError', (_error, socket) => {
      this.#events.refused();
      socket.destroy();
    });
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      if (socket.authorized || clientCertificates !== 'request' || !hasCertificate(socket)) return;
      this.#events.refused();
      socket.destroy();
    });
    this.#server = server;
    this.#timer = setInterval(() => void this.reload(), this.#times.reloadMs ?? 10_000);
    this.#timer.unref();
    return server;
  }

  /** Looks at the files now. Never throws. */
  async reload(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      await this.#reload();
    } catch (error) {
      this.#events.failed(error as DrcError);
    } finally {
      this.#reading = false;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #reload(): Promise<void> {
    const content = await read(this.#files).catch((error: unknown) => error as DrcError);
    const digest = content instanceof DrcError ? content.message : digestOf(content);
    if (digest === this.#digest) return;
    // Remembered also where it is no use: half of a pair that is being replaced is told of once.
    this.#digest = digest;
    if (content instanceof DrcError) throw content;
    const context = contextOf(this.#files, content);
    this.#server?.setSecureContext({ ...context, minVersion: minTlsVersion });
    this.#context = context;
    const { subject, validTo } = new X509Certificate(content.cert);
    this.#events.reloaded({ subject, validTo });
  }
}

/** A port's server: with TLS where there are certificates. */
export const createPortServer = (
  tls: ServerTls | undefined,
  options: ServerOptions,
  listener: RequestListener,
): PlainServer | TlsServer =>
  tls === undefined ? createPlainServer(options, listener) : tls.createServer(options, listener);

interface Loaded {
  readonly digest: string;
  readonly context: SecureContextOptions;
}

interface Content {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

async function read({ certFile, keyFile, caFile }: ServerTlsFiles): Promise<Content> {
  const [cert, key, ca] = await Promise.all([
    readPem('certFile', certFile),
    readPem('keyFile', keyFile),
    caFile === undefined ? undefined : readPem('caFile', caFile),
  ]);
  return { cert, key, ca };
}

async function readPem(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `tls.${setting}: ${file} cannot be read (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, { file }, { cause });
  }
}

/** @throws DrcError `CONFIG_INVALID` where they are no PEM, or do not belong together. */
function contextOf(
  { certFile, keyFile, caFile }: ServerTlsFiles,
  { cert, key, ca }: Content,
): SecureContextOptions {
  const context = { cert, key, ...(ca === undefined ? {} : { ca }) };
  try {
    if (ca !== undefined) void new X509Certificate(ca);
    createSecureContext(context);
    return context;
  } catch (cause) {
    const files = [certFile, keyFile, caFile].filter((file) => file !== undefined).join(', ');
    const message = `tls: ${files}: no PEM of a certificate and its key (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, {}, { cause });
  }
}

function digestOf({ cert, key, ca }: Content): string {
  const hash = createHash('sha256');
  for (const part of [cert, key, ca ?? Buffer.alloc(0)]) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

const hasCertificate = (socket: TLSSocket): boolean => Object.keys(socket.getPeerCertificate()).length > 0;
