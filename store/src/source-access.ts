import { DrcError } from '@drc/protocol';
import { readFile } from 'node:fs/promises';
import type { SourceConfig } from './source-config.js';
import type { SourceOptions } from './source/source-options.js';

/**
 * The source as configured, with its password and the content of its TLS files.
 * @throws DrcError `CONFIG_INVALID` where one of them cannot be read.
 */
export async function sourceOptions(source: SourceConfig, password: string): Promise<SourceOptions> {
  const { host, port, others, user, connectTimeoutMs, tls } = source;
  const common = {
    host,
    port,
    user,
    password,
    connectTimeoutMs,
    ...(others === undefined ? {} : { others }),
  };
  if (tls === undefined) return common;
  const [ca, cert, key] = await Promise.all([read(tls.ca), read(tls.cert), read(tls.key)]);
  return {
    ...common,
    tls: {
      rejectUnauthorized: tls.verify,
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
    },
  };
}

async function read(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `${file}: cannot be read (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, {}, { cause });
  }
}
