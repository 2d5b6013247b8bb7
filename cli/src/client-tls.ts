import { checkTlsOptions, DrcError, type Plaintext, type TlsOptions, type Transport } from '@drc/protocol';
import { type Command, Option } from 'commander';
import { readFile } from 'node:fs/promises';
import type { ManagerTlsSetting } from './tls-files.js';

/** How a command checks the certificates of managers and stores, and what it shows them. Names of files in PEM. */
export interface TlsFlags {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsName?: string;
  readonly plaintext?: Plaintext;
}

export const withTlsOptions = (command: Command): Command =>
  command
    .option('--tls-ca <file>', "https: the authority that is believed instead of the system's (DRC_TLS_CA)")
    .option('--tls-cert <file>', 'https: the client certificate, where one is asked for (DRC_TLS_CERT)')
    .option('--tls-key <file>', 'https: its private key (DRC_TLS_KEY)')
    .option(
      '--tls-name <name>',
      'https: the name that the certificates must be for, if not that of the address (DRC_TLS_NAME)',
    )
    .addOption(
      new Option(
        '--plaintext <word>',
        'allow: send credentials without TLS to other machines (DRC_PLAINTEXT)',
      ).choices(['allow']),
    );

/** Flags win over the environment. @throws DrcError `CONFIG_INVALID`, naming the file. */
export function transportFrom(flags: TlsFlags): Promise<Transport> {
  const { DRC_TLS_CA, DRC_TLS_CERT, DRC_TLS_KEY, DRC_TLS_NAME, DRC_PLAINTEXT } = process.env;
  if (DRC_PLAINTEXT !== undefined && DRC_PLAINTEXT !== 'allow')
    throw new DrcError('CONFIG_INVALID', `DRC_PLAINTEXT: '${DRC_PLAINTEXT}' must be allow, or not be set.`);
  const files = {
    caFile: flags.tlsCa ?? DRC_TLS_CA,
    certFile: flags.tlsCert ?? DRC_TLS_CERT,
    keyFile: flags.tlsKey ?? DRC_TLS_KEY,
    serverName: flags.tlsName ?? DRC_TLS_NAME,
  };
  return readTransport(files, flags.plaintext ?? DRC_PLAINTEXT);
}

/** @throws DrcError `CONFIG_INVALID`, naming the file. */
export async function readTransport(
  { caFile, certFile, keyFile, serverName }: ManagerTlsSetting = {},
  plaintext?: Plaintext,
): Promise<Transport> {
  const tls: TlsOptions = {
    ...(caFile === undefined ? {} : { ca: await read(caFile) }),
    ...(certFile === undefined ? {} : { cert: await read(certFile) }),
    ...(keyFile === undefined ? {} : { key: await read(keyFile) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  try {
    checkTlsOptions(tls);
  } catch (cause) {
    const files = [caFile, certFile, keyFile].filter((file) => file !== undefined).join(', ');
    throw new DrcError('CONFIG_INVALID', `${files}: ${(cause as DrcError).message}`, {}, { cause });
  }
  return { tls, ...(plaintext === undefined ? {} : { plaintext }) };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `${file}: cannot be read (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, {}, { cause });
  }
}
