import type { Server } from 'node:net';
import { DrcError, isLoopback } from '@drc/protocol';

/** Where a server listens: `port` is the real one also where 0 was asked for. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Starts listening on loopback: for what is not encrypted, or has no login.
 * @throws DrcError `ADDRESS_NOT_LOOPBACK`, `PORT_IN_USE`, `CONFIG_INVALID` (the machine does not allow that address).
 */
export async function listenOnLoopback(server: Server, wanted: ListenAddress): Promise<ListenAddress> {
  const { host } = wanted;
  if (!isLoopback(host))
    throw new DrcError('ADDRESS_NOT_LOOPBACK', `${host} is not a loopback address.`, { host });
  return await listenAnywhere(server, wanted);
}

/** @throws DrcError `PORT_IN_USE`, `CONFIG_INVALID` (the machine does not allow that address). */
export async function listenAnywhere(server: Server, wanted: ListenAddress): Promise<ListenAddress> {
  const { host, port } = wanted;
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
