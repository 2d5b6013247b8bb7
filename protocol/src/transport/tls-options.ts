import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { DrcError } from '../errors.js';
import { isLoopback } from './loopback.js';

/** How the peers' certificates are checked, and what is shown to them. All in PEM: content, not names of files. */
export interface TlsOptions {
  /** Certificates of the authorities that are believed, in the place of the system's. Default: the system's. */
  readonly ca?: string | Buffer;
  /** The client certificate, for ports that ask for one, with those between it and its authority. Default none. */
  readonly cert?: string | Buffer;
  /** The private key of `cert`. */
  readonly key?: string | Buffer;
  /** The name that the certificate must be for. Default: the one in the address. */
  readonly serverName?: string;
}

/** Whether credentials may be sent without TLS beyond this machine. Default: no. */
export type Plaintext = 'allow';

/** The lowest version of TLS that either end speaks. */
export const minTlsVersion = 'TLSv1.2';

/** For `tls.connect`, `https.request` and the `WebSocket` of ws. Whom a certificate is of is always checked. */
export function clientTlsOptions({ ca, cert, key, serverName }: TlsOptions = {}): ConnectionOptions {
  return {
    minVersion: minTlsVersion,
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // An address has no place in the greeting of TLS (RFC 6066, section 3); it is compared all the same.
    ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }),
  };
}

/** @throws DrcError `CONFIG_INVALID` where it is no PEM, or the key is not the certificate's. */
export function checkTlsOptions({ ca, cert, key }: TlsOptions): void {
  if ((cert === undefined) !== (key === undefined))
    throw new DrcError('CONFIG_INVALID', 'tls: cert and key belong together: give both, or neither.');
  try {
    // Of an authority that is no certificate Node says nothing, and then believes nobody.
    if (ca !== undefined) void new X509Certificate(ca);
    createSecureContext(clientTlsOptions({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }));
  } catch (cause) {
    const message = `tls: no PEM of a certificate and its key (${(cause as Error).message}).`;
    throw new DrcError('CONFIG_INVALID', message, {}, { cause });
  }
}

/**
 * To be asked before credentials are sent.
 * @throws DrcError `PLAINTEXT_REFUSED` where the address is not encrypted and leads off this machine.
 */
export function mustBePrivateWay(address: string, plaintext: Plaintext | undefined): void {
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:' || protocol === 'wss:' || plaintext === 'allow' || isLoopback(hostname)) return;
  throw new DrcError('PLAINTEXT_REFUSED', `${address} is not encrypted, and leads off this machine.`, {
    address,
  });
}
