import { readFile } from 'node:fs/promises';
import { checkTlsOptions, DrcError, type Plaintext, type TlsOptions, type Transport } from '@drc/protocol';

/** How a store checks its managers' certificates, and what it shows them. Names of files in PEM. */
export interface ManagerTlsFiles {
  /** The authorities that are believed. Absent: the system's. */
  readonly caFile?: string | undefined;
  /** The client certificate, for managers that ask for one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** The name that the managers' certificates must be for. Absent: the one in their addresses. */
  readonly serverName?: string | undefined;
}

/** The way to the managers. The files are read for each request: new certificates need no restart. */
export class ManagerTransport {
  readonly #files: ManagerTlsFiles;
  readonly #plaintext: Plaintext | undefined;
  #tls: TlsOptions;

  private constructor(files: ManagerTlsFiles, plaintext: Plaintext | undefined, tls: TlsOptions) {
    this.#files = files;
    this.#plaintext = plaintext;
    this.#tls = tls;
  }

  /** @throws DrcError `CONFIG_INVALID` where a file cannot be used. */
  static async open(files: ManagerTlsFiles = {}, plaintext?: Plaintext): Promise<ManagerTransport> {
    return new ManagerTransport(files, plaintext, await read(files));
  }

  /** Files that are just being replaced, and do not fit each other, are passed over for those before. */
  async current(): Promise<Transport> {
    this.#tls = await read(this.#files).catch(() => this.#tls);
    return { tls: this.#tls, ...(this.#plaintext === undefined ? {} : { plaintext: this.#plaintext }) };
  }
}

async function read({ caFile, certFile, keyFile, serverName }: ManagerTlsFiles): Promise<TlsOptions> {
  const options = {
    ...(caFile === undefined ? {} : { ca: await readPem('caFile', caFile) }),
    ...(certFile === undefined ? {} : { cert: await readPem('certFile', certFile) }),
    ...(keyFile === undefined ? {} : { key: await readPem('keyFile', keyFile) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  try {
    checkTlsOptions(options);
  } catch (cause) {
    throw new DrcError('CONFIG_INVALID', `managerTls: ${(cause as DrcError).message}`, {}, { cause });
  }
  return options;
}

async function readPem(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `managerTls.${setting}: ${file} cannot be read (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, { file }, { cause });
  }
}
