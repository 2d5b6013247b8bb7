import { isLoopback, type Plaintext, type ServerTlsFiles } from '@drc/protocol';
import { z } from 'zod';
import { text } from './config-values.js';
import type { ListenAddress } from './listen.js';

/** `tls` of a store's configuration: the certificate of the readers' port. */
export const serverTls = z
  .strictObject({
    certFile: text,
    keyFile: text,
    caFile: text.optional(),
    clientCertificates: z.enum(['none', 'request', 'require']).default('none'),
  })
  .refine(({ clientCertificates, caFile }) => clientCertificates === 'none' || caFile !== undefined, {
    path: ['caFile'],
    error: 'is missing: client certificates must be of somebody',
  });

/** `managerTls`: how the managers' certificates are checked, and what is shown to them. */
export const managerTls = z
  .strictObject({
    caFile: text.optional(),
    certFile: text.optional(),
    keyFile: text.optional(),
    serverName: text.optional(),
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    error: 'certFile and keyFile belong together: give both, or neither',
  });

export const plaintext = z.literal('allow', { error: 'must be allow, or be left out' });

/** What `Ways` must be for the questions below to make sense. */
export const waysShape = z.object({
  listen: z.object({ host: z.string().optional() }).optional(),
  clusterManagers: z.array(z.string()).optional(),
  serve: z.object({ address: z.string().optional() }).optional(),
});

/** What of the configuration says who could listen in; parts that have faults of their own may be missing. */
interface Ways {
  readonly listen?: ListenAddress;
  readonly tls?: ServerTlsFiles | undefined;
  readonly plaintext?: Plaintext | undefined;
  readonly clusterManagers?: readonly string[];
  readonly serve?: { readonly address?: string | undefined };
}

/** No way on which others could read credentials: true where the readers' port is encrypted or closed to them. */
export const isPortPrivate = ({ listen, tls, plaintext: allowed }: Ways): boolean =>
  tls !== undefined || allowed === 'allow' || isLoopback(listen?.host ?? 'localhost');

/** The same of the managers' addresses. */
export const areManagersPrivate = ({ clusterManagers, plaintext: allowed }: Ways): boolean =>
  allowed === 'allow' ||
  (clusterManagers ?? []).every((address) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    return url?.protocol !== 'http:' || isLoopback(url.hostname);
  });

/** Whether readers can be told where to connect. */
export const isPlaceKnown = ({ listen, serve }: Ways): boolean =>
  serve === undefined ||
  serve.address !== undefined ||
  !['0.0.0.0', '::', '[::]'].includes(listen?.host ?? '');
