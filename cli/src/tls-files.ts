import { DrcError } from '@drc/protocol';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';

const tlsForms = 'must be true, false, or { ca, cert, key, verify }';

/** A union reports only that no form fits: of what was written as files, what is wrong with them. */
const tlsFault: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_union' || typeof issue.input !== 'object' || issue.input === null)
    return tlsForms;
  const [first] = issue.errors.at(-1) ?? [];
  if (first === undefined) return tlsForms;
  if (first.code === 'unrecognized_keys') return `${first.keys.join(', ')}: no such setting; it ${tlsForms}`;
  const isForm = first.code === 'custom';
  return isForm ? first.message : `${first.path.join('.')}: ${tlsForms}; ca, cert and key are names of files`;
};

/** `tls` of a configuration: `true` stands for the system's authorities. */
export const tlsSetting = z
  .union(
    [
      z.boolean(),
      z
        .strictObject({
          ca: z.string().min(1).optional(),
          cert: z.string().min(1).optional(),
          key: z.string().min(1).optional(),
          verify: z.boolean().default(true),
        })
        .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
          error: 'cert and key belong together: give both, or neither',
        }),
    ],
    { error: tlsFault },
  )
  .default(false);

/** `managerTls` of a configuration. */
export const managerTlsSetting = z
  .strictObject({
    caFile: z.string().min(1).optional(),
    certFile: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    serverName: z.string().min(1).optional(),
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    error: 'certFile and keyFile belong together: give both, or neither',
  });

export const plaintextSetting = z.literal('allow', { error: 'must be allow, or be left out' });

export type ManagerTlsSetting = z.output<typeof managerTlsSetting>;

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
  const content = {
    ...(ca === undefined ? {} : { ca: await read(ca) }),
    ...(cert === undefined ? {} : { cert: await read(cert) }),
    ...(key === undefined ? {} : { key: await read(key) }),
  };
  try {
    // Of an authority that is no certificate Node says nothing, and then believes nobody.
    if (content.ca !== undefined) void new X509Certificate(content.ca);
    createSecureContext(content);
  } catch (cause) {
    const files = [ca, cert, key].filter((file) => file !== undefined).join(', ');
    const message = `tls: ${files}: no PEM of a certificate and its key (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, {}, { cause });
  }
  return { rejectUnauthorized: verify, ...content };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `${file}: cannot be read (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, {}, { cause });
  }
}
