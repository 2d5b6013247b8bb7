import type { Server } from 'node:net';
import { BlockList, isIP } from 'node:net';
import { DrcError } from '@drc/protocol';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True for 127.0.0.0/8, ::1 and `localhost`. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Where a server listens: `port` is the real one also where 0 was asked for. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Starts listening, on loopback only: nothing here is encrypted.
 * @throws DrcError `ADDRESS_NOT_LOOPBACK`, `PORT_IN_USE`, `CONFIG_INVALID` (the machine does not allow that address).
 */
export async function listenOnLoopback(server: Server, wanted: ListenAddress): Promise<ListenAddress> {
  const { host, port } = wanted;
  if (!isLoopback(host)) {
    throw new DrcError('ADDRESS_NOT_LOOPBACK', `${host} is not a loopback address.`, { host });
  }
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(listenError(error, wanted));
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : wanted;
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: ListenAddress): DrcError {
  return cause.code === 'EADDRINUSE'
    ? new DrcError('PORT_IN_USE', `${host}:${port} is in use.`, { host, port }, { cause })
    : new DrcError(
        'CONFIG_INVALID',
        `Cannot listen on port ${port} of ${host}: ${cause.code ?? cause.message}.`,
        { host, port },
        { cause },
      );
}
