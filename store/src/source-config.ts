import { DrcError } from '@drc/protocol';
import { isIP } from 'node:net';
import { z } from 'zod';
import { meant, port, positiveDuration, text } from './config-values.js';
import type { SourceAddress } from './source/source-options.js';

/** `source` of a store's configuration. */
export interface SourceConfig {
  readonly host: string;
  /** Default 3306. */
  readonly port: number;
  /** The further ones of `hosts`; absent where `hosts` is not given. */
  readonly others: readonly SourceAddress[] | undefined;
  readonly user: string;
  /** From the URL. Better: `passwordFile`, or the environment. */
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
  /** Absent: no TLS. Files in PEM. */
  readonly tls: SourceTls | undefined;
  /** Default 10 s. */
  readonly connectTimeoutMs: number;
}

export interface SourceTls {
  /** Absent: the system's authorities. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Whether the server's certificate and name are checked. Default true. */
  readonly verify: boolean;
}

const tlsFiles = z.strictObject({
  ca: text.optional(),
  cert: text.optional(),
  key: text.optional(),
  verify: z.boolean().default(true),
});

export const source = z
  .strictObject({
    url: text.optional(),
    host: text.optional(),
    port: port.min(1).optional(),
    hosts: z.array(meant(text, parseSourceAddress)).min(1, 'names none').optional(),
    user: text.optional(),
    passwordFile: text.optional(),
    tls: z
      .union([z.boolean(), tlsFiles], { error: 'must be true, false, or { ca, cert, key, verify }' })
      .default(false),
    connectTimeout: positiveDuration.default(10_000),
  })
  .transform(
    ({ url, host, port: ownPort, hosts, user, tls, connectTimeout, passwordFile }, context): SourceConfig => {
      const fault = (path: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [path], message });
      const fromUrl = url === undefined ? {} : parseSourceUrl(url, (message) => fault('url', message));
      for (const [path, own] of Object.entries({ host, port: ownPort, user })) {
        if (url !== undefined && own !== undefined) fault(path, 'stands in the url already');
      }
      const [first, ...others] = hosts ?? [];
      for (const [path, own] of Object.entries({ url, host, port: ownPort })) {
        if (hosts !== undefined && own !== undefined) fault(path, 'cannot be given beside hosts');
      }
      if (new Set(hosts?.map((address) => `${address.host}:${address.port}`)).size !== (hosts?.length ?? 0))
        fault('hosts', 'names one twice');
      const whole = { host, port: ownPort, user, ...fromUrl, ...first };
      if (url === undefined && whole.host === undefined) fault('host', 'is missing; give it, or a url');
      if (url === undefined && whole.user === undefined) fault('user', 'is missing');
      if (fromUrl.password !== undefined && passwordFile !== undefined)
        fault('passwordFile', 'the url has a password already');
      const names = [whole.host ?? '', ...others.map((address) => address.host)];
      if (tls !== false && (tls === true || tls.verify) && names.some((name) => isIP(name) !== 0))
        fault(
          'tls',
          'cannot compare a certificate with an address; give the name of the host, or tls.verify: false',
        );
      return {
        host: whole.host ?? '',
        port: whole.port ?? 3306,
        others: hosts === undefined ? undefined : others,
        user: whole.user ?? '',
        password: fromUrl.password,
        passwordFile,
        tls: tls === false ? undefined : tls === true ? { verify: true } : tls,
        connectTimeoutMs: connectTimeout,
      };
    },
  );

/** `db1`, `db1:3307`, `[::1]:3307`. */
function parseSourceAddress(value: string | number): SourceAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:/@\s[\]]+))(?::(\d{1,5}))?$/i.exec(String(value));
  const number = Number(match?.[3] ?? 3306);
  if (match === null || number < 1 || number > 65_535)
    throw new DrcError('CONFIG_INVALID', 'must read host:3306');
  return { host: match[1] ?? match[2]!, port: number };
}

interface SourceUrl {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
}

/** No message repeats the URL: it may hold a password. */
function parseSourceUrl(text: string, fault: (message: string) => void): SourceUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['mysql:', 'mariadb:'].includes(url.protocol) || url.hostname === '') {
    fault('must read mysql://user@host:3306');
    return {};
  }
  if (url.username === '') fault('names no user: mysql://user@host:3306');
  if (url.pathname.length > 1 || url.search !== '' || url.hash !== '') fault('must end with the port');
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ''),
    port: url.port === '' ? 3306 : Number(url.port),
    user: decodeURIComponent(url.username),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
}
