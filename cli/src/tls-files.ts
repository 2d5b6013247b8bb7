import { DrcError } from '@drc/protocol';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** `tls` of a configuration: `true` stands for the system's authorities. */
export const tlsSetting = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        ca: z.string().min(1).optional(),
        cert: z.string().min(1).optional(),
        key: z.string().min(1).optional(),
        verify: z.boolean().default(true),
      }),
    ],
    { error: 'must be true, false, or files' },
  )
  .default(false);

interface TlsContent {
  readonly rejectUnauthorized: boolean;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The content of the files; undefined where nothing is to be encrypted. @throws DrcError `CONFIG_INVALID`. */
export async function readTls(setting: z.output<typeof tlsSetting>): Promise<TlsContent | undefined> {
  if (setting === false) return undefined;
  if (setting === true) return { rejectUnauthorized: true };
  const { ca, cert, key, verify } = setting;
  return {
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca: await read(ca) }),
    ...(cert === undefined ? {} : { cert: await read(cert) }),
    ...(key === undefined ? {} : { key: await read(key) }),
  };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `${file}: cannot be read (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, {}, { cause });
  }
}
